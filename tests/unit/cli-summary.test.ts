import assert from "node:assert/strict";
import type { EngineEvent, OpType } from "@pulumi/pulumi/automation/index.js";
import { addToPlan, isDestructive, type Plan } from "../../cli/deployment/plan.ts";
import { heldNamesReport, newNames } from "../../cli/deployment/names.ts";
import { withoutRefresh } from "../../cli/preview.ts";
import { summarise } from "../../cli/deployment/summary.ts";
import { planLines } from "../../cli/upgrade/deploy-clone.ts";

const stackUrn = "urn:pulumi:dev::slipway::pulumi:pulumi:Stack::slipway-dev";
const systemUrn = "urn:pulumi:dev::slipway::slipway:camcops:Camcops::camcops";
const container = "docker:index/container:Container";

type Inputs = Record<string, unknown>;

/** A step as the engine reports it in a preview. */
function step(
  op: OpType,
  [componentType, name, type]: [componentType: string, name: string, type: string],
  {
    before,
    after,
    id = "",
    differences = [],
  }: { before?: Inputs; after?: Inputs; id?: string; differences?: string[] },
): EngineEvent {
  const urn = `urn:pulumi:dev::slipway::slipway:camcops:Camcops$${componentType}$${type}::${name}`;
  const side = (inputs: Inputs) => ({ type, urn, id, parent: systemUrn, inputs, outputs: {}, provider: "" });
  const metadata = {
    op,
    urn,
    type,
    provider: "",
    diffs: differences,
    ...(before && { old: side(before) }),
    ...(after && { new: side(after) }),
  };
  return { sequence: 1, timestamp: 0, resourcePreEvent: { metadata, planning: true } };
}

function component(urn: string, parent: string): EngineEvent {
  const type = urn.split("::")[2]?.split("$").at(-1) ?? "";
  const side = { type, urn, id: "", parent, inputs: {}, outputs: {}, provider: "" };
  return {
    sequence: 1,
    timestamp: 0,
    resourcePreEvent: { metadata: { op: "same", urn, type, old: side, new: side, provider: "" }, planning: true },
  };
}

function planOf(...events: EngineEvent[]): Plan {
  const plan: Plan = new Map();
  for (const event of [component(stackUrn, ""), component(systemUrn, stackUrn), ...events]) addToPlan(plan, event);
  return plan;
}

function labels(values: Record<string, string>): { label: string; value: string }[] {
  return Object.entries(values).map(([label, value]) => ({ label, value }));
}

function service(
  name: string,
  version: string,
  more: { files?: string; inputs?: Inputs; labels?: Record<string, string> } = {},
): Inputs {
  return {
    name: `camcops-${name}`,
    labels: labels({
      "slipway.system": "camcops",
      "slipway.service": name,
      "slipway.image": `slipway/camcops:${version}`,
      ...(more.files !== undefined && { "slipway.files": more.files }),
      ...more.labels,
    }),
    ...more.inputs,
  };
}

function task(name: string, version: string, more: Record<string, string> = {}): Inputs {
  return {
    name: `camcops-${name}`,
    labels: labels({
      "slipway.system": "camcops",
      "slipway.task": name,
      "slipway.image": `slipway/camcops:${version}`,
      ...more,
    }),
  };
}

const ofService = (name: string): [string, string, string] => ["slipway:index:Service", `${name}-container`, container];
const ofTask = (name: string): [string, string, string] => ["slipway:index:Task", `${name}-container`, container];
const dataVolume: [string, string, string] = ["slipway:index:Volume", "data-volume", "docker:index/volume:Volume"];
const filesVolume: [string, string, string] = [
  "slipway:index:FileVolume",
  "files-volume",
  "docker:index/volume:Volume",
];
const carrier: [string, string, string] = ["slipway:index:FileVolume", "files-carrier", container];
const network: [string, string, string] = ["slipway:index:Network", "edge-network", "docker:index/network:Network"];
const image: [string, string, string] = ["slipway:index:Image", "app-image", "docker:index/remoteImage:RemoteImage"];
const gate: [string, string, string] = ["slipway:index:Service", "server-healthy", "random:index/randomId:RandomId"];
const certificate: [string, string, string] = [
  "slipway:index:Certificate",
  "site-cert",
  "tls:index/locallySignedCert:LocallySignedCert",
];

const database = labels({
  "slipway.system": "camcops",
  "slipway.service": "mysql",
  "slipway.operations": JSON.stringify({
    version: 1,
    shell: ["sh"],
    database: { shell: ["a"], dump: ["b"], load: ["c"] },
  }),
});
const mysql = { name: "camcops-mysql", labels: database, volumes: [{ volumeName: "camcops-mysql-data" }] };

describe("the summary of a preview", () => {
  it("counts what a first deployment creates", () => {
    const plan = planOf(
      step("create", ofService("server"), { after: service("camcops_server", "2.4.24") }),
      step("create", ofService("mysql"), { after: mysql }),
      step("create", ofTask("upgrade"), { after: task("upgrade_db", "2.4.24") }),
      step("create", carrier, { after: { name: "camcops-files", labels: labels({ "slipway.system": "camcops" }) } }),
      step("create", filesVolume, { after: { name: "camcops-files-1" } }),
      step("create", dataVolume, { after: { name: "camcops-mysql-data" } }),
      step("create", network, { after: { name: "camcops-edge", labels: labels({ "slipway.system": "camcops" }) } }),
      step("create", image, { after: { name: "slipway/camcops:2.4.24-0123456789ab" } }),
    );
    assert.deepEqual(summarise(plan), ["camcops: creates 2 services, 1 task, 1 network, 1 volume and 1 image"]);
    assert.equal(isDestructive(plan), false);
  });

  it("says which services an image replaces, and that the database volume is kept", () => {
    const replaced = (name: string) =>
      step("replace", ofService(name), {
        before: service(`camcops_${name}`, "2.4.23-0123456789ab"),
        after: service(`camcops_${name}`, "2.4.24-ba9876543210"),
        differences: ["image", "labels"],
      });
    const plan = planOf(
      replaced("server"),
      replaced("workers"),
      step("same", ofService("mysql"), { before: mysql, after: mysql }),
      step("same", dataVolume, { before: { name: "camcops-mysql-data" }, after: { name: "camcops-mysql-data" } }),
    );
    assert.deepEqual(summarise(plan), [
      "camcops: 2 services replaced (image 2.4.23 → 2.4.24), the database volume is kept",
      "  camcops_server: replaced (image 2.4.23 → 2.4.24)",
      "  camcops_workers: replaced (image 2.4.23 → 2.4.24)",
    ]);
    assert.equal(isDestructive(plan), true);
  });

  it("says that a task runs again", () => {
    const plan = planOf(
      step("replace", ofTask("upgrade"), {
        before: task("upgrade_db", "2.4.23"),
        after: task("upgrade_db", "2.4.24"),
        differences: ["image"],
      }),
    );
    assert.equal(summarise(plan)[0], "camcops: 1 task run again (image 2.4.23 → 2.4.24)");
  });

  it("does not say that a manual task runs", () => {
    const standby = { "slipway.standby": "true" };
    const plan = planOf(
      step("create", ofTask("superuser"), { after: task("superuser", "2.4.24", standby) }),
      step("replace", ofTask("migrate"), {
        before: task("migrate", "2.4.23", standby),
        after: task("migrate", "2.4.24", standby),
        differences: ["image"],
      }),
    );
    assert.equal(summarise(plan)[0], "camcops: creates 1 manual task, 1 manual task replaced (image 2.4.23 → 2.4.24)");
  });

  it("tells another build of a version, and images by digest, apart", () => {
    const reason = (before: string, after: string) => {
      const plan = planOf(
        step("replace", ofService("server"), {
          before: service("camcops_server", "", { labels: { "slipway.image": before } }),
          after: service("camcops_server", "", { labels: { "slipway.image": after } }),
          differences: ["image", "labels"],
        }),
      );
      return summarise(plan)[1];
    };
    assert.equal(reason("a/b:1-0123456789ab", "a/b:1-ba9876543210"), "  camcops_server: replaced (image 1 built anew)");
    assert.equal(
      reason(`host:5000/a/b@sha256:${"1".repeat(64)}`, `host:5000/a/b@sha256:${"2".repeat(64)}`),
      "  camcops_server: replaced (image sha256:111111111111 → sha256:222222222222)",
    );
  });

  it("gives the other reasons of a replacement in words", () => {
    const plan = planOf(
      step("replace", ofService("server"), {
        before: service("camcops_server", "1", { inputs: { envs: ["A=1", "B=1"], memory: 512, ports: [1] } }),
        after: service("camcops_server", "1", { inputs: { envs: ["A=2", "C=1"], memory: 1024, ports: [2] } }),
        differences: ["envs", "memory", "ports", "healthcheck", "mustRun"],
      }),
    );
    assert.equal(
      summarise(plan)[1],
      "  camcops_server: replaced (environment A, B, C; memory 512 → 1024 MiB; ports; health check)",
    );
  });

  it("tells changed files from a carrier that is only made of another image", () => {
    const after = service("camcops_server", "1", { files: "04da6b54-80e4-46f7-96ec-b56ff0331ba9" });
    const replaced = step("replace", ofService("server"), {
      before: service("camcops_server", "1", { files: "c1" }),
      after,
      differences: ["labels"],
    });
    const carrierStep = (differences: string[]) =>
      step("replace", carrier, {
        before: { name: "camcops-files" },
        after: { name: "camcops-files" },
        id: "c1",
        differences,
      });
    assert.equal(
      summarise(planOf(replaced, carrierStep([])))[1],
      "  camcops_server: replaced (configuration or secrets)",
    );
    assert.equal(summarise(planOf(replaced, carrierStep(["image"])))[1], "  camcops_server: replaced");
  });

  it("calls a stopped service started again, and does not take that for destructive", () => {
    const plan = planOf(
      step("update", ofService("server"), {
        before: service("camcops_server", "1"),
        after: service("camcops_server", "1"),
        differences: ["mustRun"],
      }),
      step("replace", gate, { before: {}, after: {}, differences: ["keepers"] }),
    );
    assert.deepEqual(summarise(plan), ["camcops: 1 service started again", "  camcops_server: started again"]);
    assert.equal(isDestructive(plan), false);
  });

  it("says of a stopped service that is replaced for its ports why that is so", () => {
    const plan = planOf(
      step("replace", ofService("server"), {
        before: service("camcops_server", "1", { inputs: { ports: [] } }),
        after: service("camcops_server", "1", { inputs: { ports: [1] } }),
        differences: ["mustRun", "ports"],
      }),
    );
    assert.equal(summarise(plan)[1], "  camcops_server: replaced (it does not run)");
  });

  it("speaks of a service that gets more or fewer containers", () => {
    const one = service("camcops_workers", "1");
    const replica = (op: OpType, number: number) =>
      step(op, ofService(`workers-${number}`), {
        ...(op !== "create" && { before: one }),
        ...(op !== "delete" && { after: one }),
      });
    assert.equal(summarise(planOf(replica("same", 1), replica("create", 2)))[0], "camcops: 1 service scaled up");
    const fewer = planOf(replica("same", 1), replica("delete", 2));
    assert.equal(summarise(fewer)[0], "camcops: 1 service scaled down");
    assert.equal(isDestructive(fewer), true);
  });

  it("says that nothing changes", () => {
    const same = service("camcops_server", "1");
    assert.deepEqual(summarise(planOf(step("same", ofService("server"), { before: same, after: same }))), [
      "camcops: no change",
    ]);
  });

  it("does not let the refresh that comes first speak", () => {
    const one = service("camcops_server", "1");
    const plan = planOf(step("refresh", ofService("server"), { before: one, after: one, differences: ["image"] }));
    assert.equal(plan.size, 2);
  });

  it("warns of a volume that is used no more, and of a renewed certificate", () => {
    const plan = planOf(
      step("create", network, { after: { name: "n", labels: labels({ "slipway.system": "camcops" }) } }),
      step("replace", dataVolume, { before: { name: "old" }, after: { name: "new" }, differences: ["name"] }),
      step("replace", certificate, { before: {}, after: {}, differences: ["readyForRenewal"] }),
    );
    assert.deepEqual(summarise(plan), [
      "camcops: creates 1 network, the certificate is renewed, the volume old stays in Docker with its data, but is used no more",
    ]);
  });
});

describe("names that a plan gives", () => {
  it("are those of new containers and networks", () => {
    const plan = planOf(
      step("create", ofService("server"), { after: service("camcops_server", "1") }),
      step("replace", ofService("workers"), { before: service("w", "1"), after: service("w", "2") }),
      step("create", network, { after: { name: "camcops-edge" } }),
      step("create", dataVolume, { after: { name: "camcops-data" } }),
    );
    assert.deepEqual(newNames(plan), [
      { kind: "container", name: "camcops-camcops_server" },
      { kind: "network", name: "camcops-edge" },
    ]);
  });

  it("are refused with the name of whoever holds them", () => {
    const report = heldNamesReport([
      { kind: "container", name: "a", labels: { "slipway.stack": "dev" } },
      { kind: "network", name: "b", labels: { "com.docker.compose.project": "old" } },
      { kind: "container", name: "c", labels: {} },
    ]);
    assert.match(report, /container a: the stack "dev" of another state/);
    assert.match(report, /network b: the Compose project "old"/);
    assert.match(report, /container c: neither Slipway nor Compose made it/);
  });
});

describe("Pulumi's difference", () => {
  it("is shown without the refresh", () => {
    const difference = [
      "Previewing update (dev):",
      "~ pulumi:pulumi:Stack: (refresh)",
      "    [urn=…]",
      "        ~ docker:index/volume:Volume: (refresh) 🔒",
      "            --outputs:--",
      "          + driverOpts: {}",
      "  pulumi:pulumi:Stack: (same)",
      "    [urn=…]",
      "    +-docker:index/container:Container: (replace)",
      '      ~ image: "a" => "b"',
      "    ++docker:index/network:Network: (create)",
      "Resources:",
      "    +-1 to replace",
    ];
    assert.deepEqual(withoutRefresh(difference.join("\n")).split("\n"), [difference[0], ...difference.slice(6)]);
    const onlyRefresh = [...difference.slice(0, 6), "Resources:", "    1 unchanged"];
    assert.deepEqual(withoutRefresh(onlyRefresh.join("\n")).split("\n"), [
      difference[0],
      "Resources:",
      "    1 unchanged",
    ]);
  });

  it("stands before what is most worth reading before one agrees", () => {
    const plan = planOf(
      step("replace", ofService("server"), {
        before: service("camcops_server", "2.4.23"),
        after: service("camcops_server", "2.4.24"),
        differences: ["labels"],
      }),
    );
    const summary = summarise(plan);
    const drift = { container: "camcops-server", foreign: false, undeclared: false, differences: [] };
    const output = "Previewing update (dev):";
    assert.equal(summary[0], "camcops: 1 service replaced (image 2.4.23 → 2.4.24)");
    assert.deepEqual(planLines({ plan, output }, { drifts: [drift], hasDifference: true }), [
      output,
      "",
      "camcops-server:",
      ...summary,
    ]);
    assert.deepEqual(planLines({ plan, output }, { hasDifference: false }), summary);
  });
});
