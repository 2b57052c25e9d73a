/**
 * The eight defects that users of CamCOPS's own Docker set-up live with, each with a test here or with the name of the
 * test elsewhere that needs the real thing.
 *
 * | Defect | Here | With real containers |
 * |---|---|---|
 * | 1. camcops.conf made anew drops edits, and logs everybody out | 1 | `import.test.ts`; `camcops.test.ts`, "keeps volumes and secrets" |
 * | 2. the database password unescaped in a URL | 2 | `camcops.test.ts`, whose passwords hold `@ / : % ' " $ \` |
 * | 3. the superuser's password in a shell line and the process list | 3 | `camcops.test.ts`, "has shown none of its secrets anywhere"; `commands.test.ts` |
 * | 4. database and Flower open to everybody | 4 | `camcops.test.ts`, "publishes the web server, …" and "shows nothing without a login" |
 * | 5. "is running at" without a check | 5 | `gates.test.ts`, for what is not healthy |
 * | 6. a certificate of one name, for a year, new at each install | 6 | `camcops-modes.test.ts`, "serves a certificate with all that was said of it"; `camcops.test.ts`, "is left alone by ./slipway up" |
 * | 7. a new broker's container forgets its queues | 7 | `camcops.test.ts`, "the broker's queues survive" |
 * | 8. no backup before an upgrade, no way back | 8; `cli-touched.test.ts`, `cli-journal.test.ts` | the tests of `upgrade`, `backup` and `restore` |
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import type { Plan } from "../../cli/deployment/plan.ts";
import { probe } from "../../cli/deployment/probe.ts";
import { touchedData } from "../../cli/upgrade/touched.ts";
import { bundledImage } from "../../components/build.ts";
import { clientOptions } from "../../components/mysql-files.ts";
import { filesOf, images, recordCamcops } from "../recorded-camcops.ts";
import { differences, named } from "../recorded.ts";
import { findSecrets } from "../secret-search.ts";

const awkward = `p@ss/w:rd%'"$\\ é`;

describe("defects of CamCOPS's own set-up:", () => {
  it("1. edits of camcops.conf stay in it, and the session secret stays, whatever is changed and deployed again", async () => {
    const edited = { site: { EMAIL_HOST: "smtp.example.org" }, "recipient:archive": { TASK_FORMAT: "pdf" } };
    const before = await recordCamcops({ settings: { config: edited } });
    const again = await recordCamcops({
      settings: { config: edited, images: { camcops: "camcops:2", mysql: "m:2", rabbitmq: "r:2" }, hostPort: 444 },
    });
    const secret = "camcops-session-secret-password";
    assert.ok(!differences(before, again).changed.includes(secret));
    assert.equal(named(again, secret).options.protect, true);
    for (const recorded of [before, again]) {
      for (const which of ["config", "server"]) {
        const text = filesOf(recorded, which)["camcops.conf"] ?? "";
        assert.match(text, /^EMAIL_HOST = smtp\.example\.org$/m);
        assert.match(text, /^\[recipient:archive\]\nTASK_FORMAT = pdf$/m);
      }
    }
    const sessionLine = (recorded: typeof before) =>
      /^SESSION_COOKIE_SECRET = .+$/m.exec(filesOf(recorded, "server")["camcops.conf"] ?? "")?.[0];
    assert.ok(sessionLine(before) !== undefined);
    assert.equal(sessionLine(again), sessionLine(before));
  });

  it("2. the database's password is in no URL, and in a file in which nothing breaks it", async () => {
    const recorded = await recordCamcops({ secrets: () => ({ mysqlUserPassword: pulumi.secret(awkward) }) });
    const { "camcops.conf": config = "", "client.cnf": options } = filesOf(recorded, "config");
    assert.match(
      config,
      /^DB_URL = mysql\+mysqldb:\/\/mysql:3306\/camcops\?[^@\s]*read_default_file=\/run\/secrets\/client\.cnf$/m,
    );
    assert.ok(!config.includes(awkward));
    assert.equal(options, clientOptions("camcops", awkward));
  });

  it("3. the superuser's password is in no command, no variable and no label, but in a file", async () => {
    const recorded = await recordCamcops({ secrets: () => ({ superuserPassword: pulumi.secret(awkward) }) });
    const { inputs } = named(recorded, "camcops-superuser-container");
    assert.deepEqual(inputs["command"], ["camcops-superuser", "admin", "/run/superuser/password"]);
    assert.deepEqual(findSecrets(inputs, [awkward]), []);
    assert.deepEqual(filesOf(recorded, "superuser"), { password: awkward });
  });

  it("4. database and monitor listen on the host's own address, and the monitor asks for a password", async () => {
    const recorded = await recordCamcops();
    const addresses = (name: string) =>
      (named(recorded, `camcops-${name}`).inputs["ports"] as { ip: string }[]).map(({ ip }) => ip);
    assert.deepEqual(addresses("mysql-service-container"), ["127.0.0.1"]);
    assert.deepEqual(addresses("camcops_monitor-container"), ["127.0.0.1"]);
    assert.match(filesOf(recorded, "flower")["login"] ?? "", /^flower:.{20,}$/);
    const variables = named(recorded, "camcops-camcops_monitor-container").inputs["envs"] as string[];
    assert.ok(variables.includes("FLOWER_LOGIN_FILE=/run/flower/login"));
  });

  it("5. that CamCOPS runs is not said where its published address answers with an error", async () => {
    let asked = 0;
    const server = createServer((_, response) => {
      asked += 1;
      response.writeHead(500).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    try {
      await assert.rejects(probe("CamCOPS", { address: "127.0.0.1", port, path: "/login" }), {
        name: "Failure",
        message: `The services of CamCOPS are healthy, but its address http://127.0.0.1:${port}/login cannot be used: it answers with HTTP status 500`,
      });
      assert.ok(asked > 1, "it was tried but once");
    } finally {
      server.close();
    }
  });

  it("6. its certificate lasts as long as browsers take, has many names, and stays when CamCOPS is deployed anew", async () => {
    const certificate = {
      kind: "self-signed",
      dnsNames: ["a.example.org", "b.example.org"],
      ipAddresses: ["192.0.2.7"],
    };
    const before = await recordCamcops({ settings: { certificate } });
    const { inputs } = named(before, "camcops-certificate-certificate");
    assert.deepEqual(
      [inputs["validityPeriodHours"], inputs["dnsNames"], inputs["ipAddresses"]],
      [825 * 24, certificate.dnsNames, certificate.ipAddresses],
    );
    const again = await recordCamcops({
      settings: { certificate, timeZone: "Europe/London", workers: { replicas: 2 } },
    });
    const { changed } = differences(before, again);
    assert.ok(changed.includes("camcops-camcops_server-container"), "nothing was deployed anew");
    assert.deepEqual(
      changed.filter((name) => name.startsWith("camcops-certificate")),
      [],
    );
  });

  it("7. the broker's queues depend on no container: its node has one name, and its data a volume", async () => {
    const recorded = await recordCamcops();
    const { inputs } = named(recorded, "camcops-rabbitmq-service-container");
    assert.equal(inputs["hostname"], "camcops-rabbitmq");
    assert.deepEqual(inputs["volumes"], [
      { containerPath: "/var/lib/rabbitmq", readOnly: false, volumeName: "camcops-rabbitmq-data" },
    ]);
    const dockerfile = readFileSync(join(bundledImage("rabbitmq").folder, "Dockerfile"), "utf8");
    assert.match(dockerfile, /^ENV .*\bRABBITMQ_NODENAME=rabbit@localhost$/m);
  });

  it("8. a new version is an upgrade that touches data, before which they are backed up", async () => {
    const [former, next] = [
      await recordCamcops(),
      await recordCamcops({ settings: { images: { ...images, camcops: "camcops:2" } } }),
    ];
    const { changed } = differences(former, next);
    const plan: Plan = new Map(
      next.map(({ type, name, inputs }) => [
        name,
        {
          urn: name,
          type,
          parent: "",
          change: changed.includes(name) ? "replace" : "keep",
          oldInputs: named(former, name).inputs,
          oldId: named(former, name).id,
          newInputs: inputs,
          differences: [],
        },
      ]),
    );
    assert.deepEqual(
      touchedData(plan, new Set())
        .map(({ what }) => what)
        .sort(),
      ["the task superuser runs", "the task upgrade_db runs"],
    );
  });
});
