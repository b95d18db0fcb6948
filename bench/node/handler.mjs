// A handler as one writes it for Node without any library: it puts the message of a delivery with a signed request, and
// decides a check with five calls.

import { createHmac } from 'node:crypto';
import http from 'node:http';

const KEPT = ['PlanUrl', 'ProjectId', 'HubName', 'PlanId', 'JobId', 'TimelineId', 'TaskInstanceId', 'AuthToken', 'BuildId'];
const TASK = 'd9bafed4-0b18-4f58-968d-86655b4d2ce9';

const settings = Object.fromEntries(
  process.env.AzureWebJobsStorage.split(';').filter(Boolean).map((part) => {
    const at = part.indexOf('=');
    return [part.slice(0, at), part.slice(at + 1)];
  }),
);
const queue = new URL(`${settings.QueueEndpoint}/check-evaluations/messages?visibilitytimeout=0`);
const key = Buffer.from(settings.AccountKey, 'base64');
const agent = new http.Agent({ keepAlive: true });

function send(url, method, headers, body) {
  return new Promise((resolve, reject) => {
    const length = { 'Content-Length': Buffer.byteLength(body) };
    const request = http.request(url, { agent, method, headers: { ...headers, ...length } }, async (answer) => {
      resolve({ status: answer.statusCode, body: await read(answer) });
    });
    request.on('error', reject);
    request.end(body);
  });
}

async function read(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function deliver(headers) {
  const check = Object.fromEntries(KEPT.map((name) => [name, headers[name.toLowerCase()]]));
  const text = JSON.stringify(check).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  const body = `<QueueMessage><MessageText>${text}</MessageText></QueueMessage>`;
  const date = new Date().toUTCString();
  const toSign =
    `POST\n\n\n${Buffer.byteLength(body)}\n\napplication/xml\n\n\n\n\n\n\nx-ms-date:${date}\nx-ms-version:2021-08-06\n` +
    `/${settings.AccountName}${queue.pathname}\nvisibilitytimeout:0`;
  const signature = createHmac('sha256', key).update(toSign, 'utf8').digest('base64');
  const answer = await send(queue, 'POST', {
    'Content-Type': 'application/xml',
    'x-ms-date': date,
    'x-ms-version': '2021-08-06',
    Authorization: `SharedKey ${settings.AccountName}:${signature}`,
  }, body);
  return answer.status === 201 ? [200, { status: 'accepted' }] : [503, {}];
}

async function evaluate(body) {
  const check = JSON.parse(JSON.parse(JSON.parse(body).Data.check));
  const project = `${check.PlanUrl}${check.ProjectId}/_apis`;
  const plan = `${project}/distributedtask/hubs/${check.HubName}/plans/${check.PlanId}`;
  const records = `${plan}/timelines/${check.TimelineId}/records`;
  const headers = { Authorization: `Bearer ${check.AuthToken}`, 'Content-Type': 'application/json' };
  const ask = (method, url, value) => send(url, method, headers, value ? JSON.stringify(value) : '');
  JSON.parse((await ask('GET', records)).body);
  const timeline = JSON.parse((await ask('GET', `${project}/build/builds/${check.BuildId}/timeline`)).body);
  const passes = timeline.records.some((record) => record.type === 'Task' && record.task?.id === TASK);
  const line = passes ? 'The check passed.' : 'The check failed.';
  const id = check.TaskInstanceId;
  await ask('POST', `${records}/${id}/feed`, { count: 1, value: [line] });
  await ask('PATCH', records, { count: 1, value: [{ id, currentOperation: line }] });
  const result = passes ? 'succeeded' : 'failed';
  await ask('POST', `${plan}/events`, { name: 'TaskCompleted', taskId: id, jobId: check.JobId, result });
  return [200, { Outputs: {}, Logs: [], ReturnValue: null }];
}

async function answer(request) {
  if (request.method !== 'POST') return [200, {}];
  const body = await read(request);
  return request.url.endsWith('/CheckFunction') ? deliver(request.headers) : evaluate(body);
}

http.createServer(async (request, response) => {
  const [status, value] = await answer(request).catch((error) => [500, { error: String(error) }]);
  response.statusCode = status;
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify(value));
}).listen(Number(process.env.FUNCTIONS_CUSTOMHANDLER_PORT), '127.0.0.1');
