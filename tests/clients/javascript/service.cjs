// The whole life of a service by the JavaScript SDK. Prints one line for each thing that was seen; arguments: the
// repository's URL and a connection that is available.
"use strict";
const http = require("node:http");
const apprunner = require("@aws-sdk/client-apprunner");

const client = new apprunner.AppRunnerClient({});
const send = (name, input) => client.send(new apprunner[`${name}Command`](input));
const wait = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

async function settled(ServiceArn) {
  for (;;) {
    const { Service } = await send("DescribeService", { ServiceArn });
    if (Service.Status !== "OPERATION_IN_PROGRESS") return Service;
    await wait(0.25);
  }
}

function answer(url) {
  const [host, port] = url.split(":");
  return new Promise((resolve, reject) => {
    const request = http.get({ host: "127.0.0.1", port, headers: { Host: host } }, (got) => {
      let text = "";
      got.on("data", (part) => (text += part));
      got.on("end", () => resolve(`${got.statusCode} ${text}`));
    });
    request.on("error", reject);
  });
}

async function pages(name, input, member) {
  const found = [];
  let NextToken;
  do {
    const page = await send(name, { ...input, MaxResults: 1, NextToken });
    found.push(...page[member]);
    NextToken = page.NextToken;
  } while (NextToken);
  return found;
}

async function main([RepositoryUrl, ConnectionArn]) {
  const values = { Runtime: "PYTHON_311", BuildCommand: "true", StartCommand: "python3 serve.py" };
  const code = {
    RepositoryUrl,
    SourceCodeVersion: { Type: "BRANCH", Value: "main" },
    CodeConfiguration: { ConfigurationSource: "API", CodeConfigurationValues: values },
  };
  const made = await send("CreateService", {
    ServiceName: "site",
    Tags: [{ Key: "team", Value: "web" }],
    SourceConfiguration: {
      AutoDeploymentsEnabled: false,
      AuthenticationConfiguration: { ConnectionArn },
      CodeRepository: code,
    },
  });
  const ServiceArn = made.Service.ServiceArn;
  console.log("created", made.Service.Status, made.Service.CreatedAt instanceof Date);
  const running = await settled(ServiceArn);
  console.log("then", running.Status, await answer(running.ServiceUrl));
  try {
    await send("CreateService", { ServiceName: "site", SourceConfiguration: running.SourceConfiguration });
  } catch (error) {
    console.log("twice", error instanceof apprunner.InvalidRequestException, error.message);
  }
  await send("UpdateService", {
    ServiceArn,
    HealthCheckConfiguration: { Protocol: "HTTP", Path: "/", Interval: 1 },
  });
  const updated = await settled(ServiceArn);
  console.log("updated", updated.Status, updated.HealthCheckConfiguration.Protocol, await answer(updated.ServiceUrl));
  await send("StartDeployment", { ServiceArn });
  console.log("deployed", (await settled(ServiceArn)).Status);
  await send("PauseService", { ServiceArn });
  console.log("paused", (await settled(ServiceArn)).Status);
  await send("ResumeService", { ServiceArn });
  console.log("resumed", (await settled(ServiceArn)).Status, await answer(updated.ServiceUrl));
  const { Tags } = await send("ListTagsForResource", { ResourceArn: ServiceArn });
  console.log("tags", JSON.stringify(Tags));
  const operations = await pages("ListOperations", { ServiceArn }, "OperationSummaryList");
  console.log("operations", operations.map((each) => `${each.Type}=${each.Status}`).join(" "));
  console.log("listed", (await pages("ListServices", {}, "ServiceSummaryList")).length);
  await send("DeleteService", { ServiceArn });
  console.log("deleted", (await settled(ServiceArn)).Status);
  try {
    await send("DescribeService", { ServiceArn: ServiceArn.replace("site", "none") });
  } catch (error) {
    console.log("none", error instanceof apprunner.ResourceNotFoundException);
  }
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});
