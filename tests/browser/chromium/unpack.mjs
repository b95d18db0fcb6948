// Unpacks the browser that the package ships into TMPDIR, once, and prints where it is.
// The package does so for some hosts with their libraries and fonts. Its sign of such a host is this setting.
process.env.VERCEL = "1";
const { default: chromium } = await import("@sparticuz/chromium");
console.log(await chromium.executablePath());
