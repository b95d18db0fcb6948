//! The shipped files, and each way in which they may be changed.

use super::*;

const HOST_JSON: &str = include_str!("../../host.json");
const CHECK: &str = include_str!("../../CheckFunction/function.json");
const REEVALUATE: &str = include_str!("../../ReevaluateFunction/function.json");

/// The shipped files with one text in place of another, and these app settings.
fn read(change: (&str, &str), settings: &[(&str, &str)]) -> Host {
    let changed = |text: &str| text.replace(change.0, change.1);
    let files = Files {
        host_json: Some(Ok(changed(HOST_JSON))),
        functions: vec![
            ("CheckFunction".to_owned(), changed(CHECK)),
            ("ReevaluateFunction".to_owned(), changed(REEVALUATE)),
        ],
    };
    let lookup = |name: &str| settings.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    Host::read(&files, &lookup)
}

const AS_SHIPPED: (&str, &str) = ("", "");

#[test]
fn the_files_that_ship_have_no_problem() {
    assert_eq!(read(("\u{0}", ""), &[]), Host::shipped());
}

#[test]
fn what_cannot_work_is_a_problem_that_names_the_setting() {
    for (change, says) in [
        (("\"messageEncoding\": \"none\"", "\"x\": 1"), "extensions.queues.messageEncoding in host.json is missing"),
        (("\"messageEncoding\": \"none\"", "\"messageEncoding\": \"Base64\""), "is Base64: then the host cannot read"),
        (("\"enableForwardingHttpRequest\": true", "\"x\": 1"), "customHandler.enableForwardingHttpRequest"),
        (("\"maxDequeueCount\": 10", "\"maxDequeueCount\": 2"), "extensions.queues.maxDequeueCount is 2"),
        (("\"maxDequeueCount\": 10", "\"maxDequeueCount\": \"many\""), "is `many`, not a number"),
        (("00:05:00", "00:01:00"), "functionTimeout in host.json is 60 s"),
        (("00:05:00", "soon"), "functionTimeout in host.json is `soon`, not a time"),
        (("\"extensionBundle\"", "\"bundle\""), "extensionBundle is missing in host.json"),
        (("\"version\": \"2.0\"", "\"retry\": { \"strategy\": \"fixedDelay\" }"), "retry in host.json"),
        (("\"version\": \"2.0\"", "\"functions\": [\"CheckFunction\"]"), "functions in host.json leaves out Reev"),
        (("\"version\": \"2.0\"", "\"version\""), "host.json is not JSON (line 2"),
        (
            ("\"methods\": [\"post\"]", "\"methods\": [\"get\"]"),
            "methods in CheckFunction/function.json leave out post",
        ),
        (("\"methods\": [\"post\"]", "\"route\": \"gate/{x}\""), "route in CheckFunction/function.json ends with the"),
        (("{ \"type\": \"http\",", "{ \"type\": \"blob\","), "other bindings than one httpTrigger and one http output"),
        (("httpTrigger", "timerTrigger"), "no folder has a function.json with a httpTrigger"),
        (("queueTrigger", "timerTrigger"), "no folder has a function.json with a queueTrigger"),
        (("\"check-evaluations\"", "\"%Queue%\""), "there is no app setting Queue"),
        (("\"check-evaluations\"", "\"\""), "queueName is missing in ReevaluateFunction/function.json"),
        (("\"binary\"", "\"stream\""), "dataType in ReevaluateFunction/function.json"),
        (("\"dataType\"", "\"disabled\": 1 }], \"disabled\": true, \"x\": [{\"x\""), "disables ReevaluateFunction"),
    ] {
        let host = read(change, &[]);
        assert!(host.problems.iter().any(|problem| problem.contains(says)), "{change:?}: {:#?}", host.problems);
    }
}

#[test]
fn app_settings_override_and_disable() {
    let encoding = "AzureFunctionsJobHost__extensions__queues__messageEncoding";
    let host = read(AS_SHIPPED, &[(encoding, "base64")]);
    assert!(host.problems[0].contains(&format!("app setting {encoding} is base64")), "{:?}", host.problems);
    let mended = read(("\"messageEncoding\": \"none\"", "\"x\": 1"), &[(encoding, "none")]);
    assert_eq!(mended.problems, Vec::<String>::new());
    for (setting, value, says) in [
        ("AzureWebJobs.ReevaluateFunction.Disabled", "true", "so that no check is evaluated; remove it"),
        ("AzureWebJobs_ReevaluateFunction_Disabled", "1", "so that no check is evaluated; remove it"),
        ("AzureWebJobs.CheckFunction.Disabled", "True", "so that no delivery arrives; remove it"),
    ] {
        let host = read(AS_SHIPPED, &[(setting, value)]);
        assert!(host.problems[0].contains(setting) && host.problems[0].contains(says), "{:?}", host.problems);
    }
    assert!(read(AS_SHIPPED, &[("AzureWebJobs.ReevaluateFunction.Disabled", "false")]).problems.is_empty());
}

#[test]
fn names_and_numbers_are_followed() {
    type Look = fn(&Host) -> String;
    let cases: [((&str, &str), Look, &str); 8] = [
        (("\"check-evaluations\"", "\"Gate-Queue\""), |host| host.queue_name.clone(), "gate-queue"),
        (("\"check-evaluations\"", "\"%Queue%\""), |host| host.queue_name.clone(), "from-setting"),
        (("AzureWebJobsStorage", "GateStorage"), |host| host.connection.clone(), "GateStorage"),
        (("\"response\"", "\"res\""), |host| host.http_output.clone(), "res"),
        (("\"methods\"", "\"route\": \"v1/Gate\", \"methods\""), |host| host.delivery_path.clone(), "gate"),
        (("\"maxDequeueCount\": 10", "\"maxDequeueCount\": 7"), |host| host.max_dequeue_count.to_string(), "7"),
        (("\"maxDequeueCount\": 10", "\"x\": 7"), |host| host.max_dequeue_count.to_string(), "5"),
        (("maxDequeueCount", "MAXdequeueCOUNT"), |host| host.max_dequeue_count.to_string(), "10"),
    ];
    for (change, look, followed) in cases {
        let host = read(change, &[("Queue", "from-setting")]);
        assert_eq!((look(&host).as_str(), host.problems.len()), (followed, 0), "{change:?}: {:?}", host.problems);
    }
    let threshold = "AzureFunctionsJobHost__extensions__queues__newBatchThreshold";
    let load = |threshold_value: &str| read(AS_SHIPPED, &[(threshold, threshold_value)]);
    let batch = Host::shipped().max_evaluations - 224;
    assert_eq!(load("8").max_evaluations, batch + 8);
    assert!(load("500").warnings[0].contains("evaluations at a time"));
}

#[test]
fn host_json_may_have_comments_as_the_host_allows() {
    let commented = (
        "\"version\": \"2.0\",",
        "// it's \"ours\"\n  \"version\": \"2.0\", /* two\n lines */ \"a\": \"// no comment \\\" /*\",",
    );
    assert_eq!(read(commented, &[]).problems, Vec::<String>::new());
    assert_eq!(Host::read(&Files::default(), &|_| None).problems.len(), 1);
}
