import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";
import { actualSecrets, formsOfAll, leaksIn, placesInDocker, placesInFolder, type Place } from "./camcops-leaks.ts";
import { Browser, servedCertificate, type Page } from "./camcops-browser.ts";
import {
  CamcopsDeployment,
  flowerUser,
  mailPassword,
  memory,
  ownWords,
  passwords,
  processUser,
  services,
  superuser,
  taskPath,
  type AddedTask,
} from "./camcops-deployment.ts";
import { networksOf, volumesOf } from "./support/docker.ts";
import { assertExit, type Result } from "./support/processes.ts";
import { Sandbox } from "./support/sandbox.ts";
import { until } from "./support/until.ts";

const mebibyte = 1024 ** 2;

/** Seconds in which a process of CamCOPS that starts or comes back has to be healthy, on a busy machine. */
const untilHealthySeconds = 240;

/** Gets a page of the monitor. */
function flowerPage(port: number, path: string, login?: { user: string; password: string }): Promise<Page> {
  return new Promise((resolve, reject) => {
    const authorization = login && `Basic ${Buffer.from(`${login.user}:${login.password}`, "utf8").toString("base64")}`;
    const options = {
      host: "127.0.0.1",
      port,
      path,
      agent: false,
      headers: { ...(authorization && { authorization }) },
    };
    const request = http.get(options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) });
      });
    });
    request.on("error", reject);
  });
}

/** The lines of a summary that name a service or task, such as "rabbitmq: replaced", in order. */
function changedMembers({ stdout }: Result): string[] {
  const { summary } = JSON.parse(stdout) as { summary: string[] };
  return summary.flatMap((line) => /^ {2}(\S+: [a-z ]+)/.exec(line)?.[1]?.trim() ?? []).sort();
}

/** The names whose ids differ between two moments. */
function changedNames(before: Record<string, string>, after: Record<string, string>): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((name) => before[name] !== after[name])
    .sort();
}

function assertPdf(file: Buffer): void {
  assert.equal(file.subarray(0, 5).toString("latin1"), "%PDF-");
  assert.match(file.toString("latin1"), /\/Type\s*\/Page\b(?!s)/, "has no page");
  assert.match(file.subarray(-32).toString("latin1"), /%%EOF/);
}

// Each test leaves the deployment as healthy as it found it, for those after it.
describe("CamCOPS", function () {
  this.timeout(15 * 60_000);
  this.slow(5 * 60_000);

  let sandbox: Sandbox;
  let camcops: CamcopsDeployment;
  let deployed: Result;
  let added: AddedTask;

  /** An image of the broker that differs from the stack's own. */
  const changedImage = () => `${camcops.name}/rabbitmq:changed`;
  const untilAllHealthy = () =>
    Promise.all(services.map((service) => camcops.untilHealthy(service, new Date(0), untilHealthySeconds)));

  before(async () => {
    sandbox = new Sandbox();
    camcops = await CamcopsDeployment.prepare(sandbox);
    deployed = await camcops.slipway("up", "--yes");
    assertExit(deployed, 0);
  });

  after(async () => {
    await sandbox.remove();
    const made = await sandbox.docker.listImages({ filters: { reference: [changedImage()] } });
    for (const { Id: id } of made) await sandbox.docker.getImage(id).remove();
  });

  describe("after ./slipway up", () => {
    it("is said to run, with its address, the superuser's name and the command for the password", () => {
      const url = `https://${camcops.serverName}:${camcops.ports.https}`;
      const lines = deployed.stdout.trimEnd().split("\n");
      assert.equal(lines.at(-1), `The CamCOPS application is running at ${url}`);
      assert.equal(
        lines.at(-2),
        `Log in as ${superuser}. The password: ./slipway output camcopsSuperuserPassword --show-secrets --stack ${camcops.name}`,
      );
    });

    it("shows the superuser's password by that command, and only so", async () => {
      const command = /The password: \.\/slipway (.+)/.exec(deployed.stdout)?.[1] ?? "";
      const shown = assertExit(await sandbox.slipway(command.split(" ")), 0);
      assert.equal(shown.stdout, `${passwords.camcopsSuperuserPassword}\n`);
      const hidden = assertExit(await camcops.slipway("output", "camcopsSuperuserPassword"), 0);
      assert.equal(hidden.stdout, "[secret]\n");
    });

    it("lets the superuser log in over TLS that is verified against the stack's own certificate", async () => {
      await camcops.loggedIn();
    });

    it("refuses a wrong password", async () => {
      const browser = await camcops.browser();
      await browser.login(superuser, passwords.camcopsSuperuserPassword.replace("é", "e"));
      assert.equal(await browser.isLoggedIn(), false);
    });

    it("does not pass for another server", async () => {
      const site = await camcops.site();
      const another = new Browser({ ...site, serverName: "another.test" });
      await assert.rejects(another.get("/login"), { code: "ERR_TLS_CERT_ALTNAME_INVALID" });
    });
  });

  describe("its configuration", () => {
    it("is understood by the real CamCOPS as it was set", async () => {
      const config = (await camcops.python("camcops-config.py")) as Record<string, unknown>;
      const expected: Record<string, unknown> = {
        running_under_docker: true,
        camcops_config_filename: "/run/secrets/site.conf",
        db_url: "mysql+mysqldb://mysql:3306/camcops_test?charset=utf8mb4&read_default_file=/run/secrets/client.cnf",
        email_host: "smtp.example.org",
        email_port: 2525,
        email_use_tls: false,
        email_host_password: mailPassword,
        local_institution_url: "https://example.org/100%25?q=a#b",
        session_timeout_minutes: 45,
        extra_string_files: [
          "/camcops/venv/lib/python3.*/site-packages/camcops_server/extra_strings/*.xml",
          "/camcops/cfg/extra_strings/*.xml",
        ],
        language: "en_GB",
        mfa_methods: ["no_mfa"],
        lockout_threshold: 10,
        password_change_frequency_days: 0,
        patient_spec: "{surname}_{forename}_{allidnums}",
        permit_immediate_downloads: false,
        allow_insecure_cookies: false,
        user_download_dir: "/camcops/tmp/user_downloads",
        host: "0.0.0.0",
        port: 8765,
        ssl_certificate: "/run/secrets/camcops.crt",
        ssl_private_key: "/run/secrets/camcops.key",
        trusted_proxy_headers: [],
        external_url_scheme: "https",
        external_server_name: camcops.serverName,
        external_server_port: camcops.ports.https,
        celery_broker_url: "amqp://rabbitmq:5672/",
        celery_beat_schedule_database: "/camcops/tmp/lock/camcops_celerybeat_schedule",
        celery_worker_extra_args: ["--concurrency=2", "--max-tasks-per-child=1000"],
        export_lockdir: "/camcops/tmp/lock",
        schedule_timezone: "Europe/London",
        export_recipient_names: [],
        crontab_entries: [],
      };
      assert.deepEqual(Object.fromEntries(Object.keys(expected).map((key) => [key, config[key]])), expected);
      assert.match(String(config["session_cookie_secret"]), /^[A-Za-z0-9]{64}$/);
    });

    it("makes the same database and the same user of it as was set", async () => {
      assert.equal(
        await camcops.query("SELECT DATABASE(), SUBSTRING_INDEX(CURRENT_USER(), '@', 1)"),
        "camcops_test\tcamcops.user",
      );
    });
  });

  describe("with a patient and a task", () => {
    before(async () => {
      added = await camcops.addTask();
    });

    it("shows the task in the words of the configuration folder", async () => {
      await camcops.assertTaskIsThere(added);
      const page = await camcops.viewTask(added, "html");
      assert.ok(page.body.includes(ownWords), page.body.toString());
    });

    it("shows it to nobody who has not logged in", async () => {
      const page = await (await camcops.browser()).get(taskPath(added.serverPk, "html"));
      assert.ok(!page.body.includes(ownWords));
    });

    it("makes a PDF file of it", async () => {
      const { headers, body } = await camcops.viewTask(added, "pdf");
      assert.equal(headers["content-type"], "application/pdf");
      assertPdf(body);
    });

    it("has a worker run what the scheduler sends every minute", async () => {
      const since = new Date();
      const ran = /Task camcops_server\.cc_modules\.celery\.housekeeping\[\S+\] succeeded/;
      await until("a worker has done the housekeeping", 150, async () =>
        ran.test(await camcops.log("camcops_workers-1", since)),
      );
      assert.match(await camcops.log("camcops_scheduler", since), /Sending due task housekeeping/);
    });
  });

  describe("its monitor", () => {
    const paths = [
      "/",
      "/workers",
      "/tasks",
      "/broker",
      "/metrics",
      "/api/workers",
      "/api/tasks",
      "/api/queues/length",
    ];

    it("shows nothing without a login, or with a wrong one", async () => {
      const { flower } = camcops.ports;
      const worker = `/worker/celery@${camcops.name}-camcops_workers-1`;
      for (const path of [...paths, worker]) {
        for (const login of [undefined, { user: flowerUser, password: "wrong" }]) {
          const page = await flowerPage(flower, path, login);
          assert.equal(page.status, 401, `${path} answers ${page.status}`);
          assert.ok(!page.body.includes("celery@"), path);
        }
      }
    });

    it("shows the worker after the login", async () => {
      const login = { user: flowerUser, password: await camcops.output("camcopsFlowerPassword") };
      const { flower } = camcops.ports;
      assert.equal(await camcops.output("camcopsFlowerUrl"), `http://127.0.0.1:${flower}`);
      const page = await flowerPage(flower, "/api/workers?refresh=1", login);
      assert.equal(page.status, 200);
      assert.deepEqual(Object.keys(JSON.parse(page.body.toString()) as object), [
        `celery@${camcops.name}-camcops_workers-1`,
      ]);
      assert.equal((await flowerPage(flower, "/workers", login)).status, 200);
    });
  });

  describe("each of its containers", () => {
    const users: Record<string, string> = { mysql: "999:999", rabbitmq: "999:999" };
    const networks: Record<string, string[]> = {
      mysql: ["database", "mysql-edge"],
      rabbitmq: ["broker"],
      camcops_server: ["broker", "database", "edge"],
      camcops_scheduler: ["broker", "database"],
      "camcops_workers-1": ["broker", "database", "edge"],
      camcops_monitor: ["broker", "database", "edge"],
    };

    for (const service of services) {
      it(`${service} is hardened, limited, watched and brought back`, async () => {
        const {
          Config: config,
          HostConfig: host,
          State: state,
          NetworkSettings: network,
        } = await camcops.inspect(service);
        assert.equal(config.User, users[service] ?? `${processUser.userId}:${processUser.groupId}`);
        const ids = (
          await camcops.exec(service, ["sh", "-c", "id -u; id -g; awk '/^Uid/ {print $2}' /proc/1/status"])
        ).split("\n");
        assert.equal(`${ids[0]}:${ids[1]}`, config.User);
        assert.equal(ids[2], ids[0], "the process runs as another user");
        assert.equal(host.Privileged, false);
        assert.equal(host.ReadonlyRootfs, true);
        assert.notEqual((await camcops.tryExec(service, ["touch", "/writable"])).code, 0);
        assert.deepEqual(host.CapDrop, ["ALL"]);
        assert.equal(host.CapAdd, null);
        assert.match(await camcops.exec(service, ["cat", "/proc/1/status"]), /^CapBnd:\t0{16}$/m);
        assert.deepEqual(host.SecurityOpt, ["no-new-privileges"]);
        assert.match(await camcops.exec(service, ["cat", "/proc/1/status"]), /^NoNewPrivs:\t1$/m);
        assert.equal(host.Memory, memory[service] * mebibyte);
        assert.deepEqual(host.LogConfig, { Type: "json-file", Config: { "max-size": "7m", "max-file": "3" } });
        assert.equal(host.RestartPolicy?.Name, service === "camcops_monitor" ? "always" : "unless-stopped");
        assert.ok((config.Healthcheck?.Test ?? []).length > 1, "has no health check");
        assert.equal(state.Health?.Status, "healthy");
        assert.deepEqual(
          Object.keys(network.Networks).sort(),
          networks[service]?.map((suffix) => `${camcops.name}-${suffix}`),
        );
      });
    }

    it("publishes the web server, the monitor and the database on the loopback address, and nothing else", async () => {
      const published = await Promise.all(
        services.map(async (service) => {
          const { HostConfig: host } = await camcops.inspect(service);
          const bindings = host.PortBindings as Record<string, { HostIp: string; HostPort: string }[]> | null;
          return Object.entries(bindings ?? {}).flatMap(([port, all]) =>
            all.map(({ HostIp: address, HostPort: hostPort }) => `${service} ${address}:${hostPort}->${port}`),
          );
        }),
      );
      const { https, mysql, flower } = camcops.ports;
      assert.deepEqual(published.flat(), [
        `mysql 127.0.0.1:${mysql}->3306/tcp`,
        `camcops_server 127.0.0.1:${https}->8765/tcp`,
        `camcops_monitor 127.0.0.1:${flower}->5555/tcp`,
      ]);
    });

    it("reaches the broker on a network with nobody but CamCOPS, and which leads nowhere else", async () => {
      const { Internal: internal, Containers: containers = {} } = (await sandbox.docker
        .getNetwork(`${camcops.name}-broker`)
        .inspect()) as { Internal: boolean; Containers?: Record<string, { Name: string }> };
      assert.equal(internal, true);
      assert.deepEqual(
        Object.values(containers)
          .map(({ Name: name }) => name)
          .sort(),
        services
          .filter((service) => service !== "mysql")
          .map((service) => `${camcops.name}-${service}`)
          .sort(),
      );
    });

    it("reads its secrets from files that are its own alone", async () => {
      for (const service of services.filter((name) => name !== "rabbitmq")) {
        const { Config: config } = await camcops.inspect(service);
        const files = (await camcops.exec(service, ["sh", "-c", "stat -c '%u:%g %a %n' /run/secrets/*"]))
          .trim()
          .split("\n");
        assert.ok(files.length > 0);
        for (const file of files) assert.ok(file.startsWith(`${config.User} 400 `), `${service}: ${file}`);
      }
    });

    it("of CamCOPS sees the configuration folder read-only and may write in its own folder", async () => {
      for (const service of services.filter((name) => name.startsWith("camcops_"))) {
        await camcops.exec(service, ["test", "-r", "/camcops/cfg/extra_strings/badls.xml"]);
        assert.notEqual((await camcops.tryExec(service, ["touch", "/camcops/cfg/written"])).code, 0);
        await camcops.exec(service, ["test", "-w", "/camcops/tmp"]);
      }
    });
  });

  describe("without a change of its settings", () => {
    it("is left alone by ./slipway up", async () => {
      const before = await camcops.containerIds();
      const again = await camcops.up();
      assert.deepEqual(await camcops.containerIds(), before);
      assert.match(again.stdout, /^camcops: no change/m);
      assert.match(again.stdout, /The CamCOPS application is running at/);
    });

    it("has none to report for ./slipway preview and pulumi preview --expect-no-changes", async () => {
      assertExit(await camcops.slipway("preview", "--expect-no-changes"), 0);
      assertExit(await camcops.pulumi(["preview", "--expect-no-changes"]), 0);
    });
  });

  describe("the command line", () => {
    it("shows a good status", async () => {
      const { stdout } = assertExit(await camcops.slipway("status", "--json"), 0);
      const status = JSON.parse(stdout) as {
        good: boolean;
        problems: string[];
        services: Record<string, unknown>[];
        tasks: Record<string, unknown>[];
        certificates: Record<string, unknown>[];
      };
      assert.equal(status.good, true);
      assert.deepEqual(status.problems, []);
      assert.deepEqual(
        status.services.map(({ container, state, health, restarts }) => ({ container, state, health, restarts })),
        [...services].sort().map((service) => ({
          container: `${camcops.name}-${service}`,
          state: "running",
          health: "healthy",
          restarts: 0,
        })),
      );
      for (const { image, uptimeSeconds } of status.services) {
        assert.match(String(image), /^slipway\/\w+:[\d.]+-[0-9a-f]{12}$/);
        assert.ok(Number(uptimeSeconds) > 0);
      }
      assert.deepEqual(status.services.find(({ service }) => service === "camcops_server")?.["ports"], [
        { address: "127.0.0.1", hostPort: camcops.ports.https, containerPort: 8765 },
      ]);
      assert.deepEqual(
        status.tasks.map(({ task, state, exitCode }) => ({ task, state, exitCode })),
        ["superuser", "upgrade_db"].map((task) => ({ task, state: "exited", exitCode: 0 })),
      );
      assert.deepEqual(
        status.certificates.map(({ service, subject, daysLeft }) => ({ service, subject, daysLeft })),
        [{ service: "camcops_server", subject: camcops.serverName, daysLeft: 824 }],
      );
    });

    it("shows the status as a table, with no colours where there is no terminal", async () => {
      const { stdout } = assertExit(await camcops.slipway("status"), 0);
      for (const service of services)
        assert.match(stdout, new RegExp(`^${camcops.name}-${service} .* running +healthy `, "m"));
      assert.match(stdout, /^Certificate of camcops_server for camcops\.test: valid until /m);
      assert.ok(!stdout.includes("\u001b"), "has colours");
    });

    it("shows the logs of a service, and names the services where it does not know one", async () => {
      const { stdout } = assertExit(await camcops.slipway("logs", "camcops_scheduler"), 0);
      assert.match(stdout, new RegExp(`^${camcops.name}-camcops_scheduler \\| .*Sending due task housekeeping`, "m"));
      const tail = assertExit(await camcops.slipway("logs", "--tail", "1", "mysql", "rabbitmq"), 0);
      assert.equal(tail.stdout.trimEnd().split("\n").length, 2);
      const unknown = assertExit(await camcops.slipway("logs", "camcops"), 2);
      assert.match(unknown.stderr, /camcops_server/);
    });

    it("prints the outputs, secret ones hidden", async () => {
      const outputs = JSON.parse(assertExit(await camcops.slipway("output", "--json"), 0).stdout) as Record<
        string,
        unknown
      >;
      assert.equal(outputs["camcopsSuperuserPassword"], "[secret]");
      assert.equal(outputs["camcopsFlowerPassword"], "[secret]");
      const [system] = outputs["systems"] as { url: string }[];
      assert.equal(system?.url, `https://${camcops.serverName}:${camcops.ports.https}`);
      assertExit(await camcops.slipway("output", "nonsense"), 2);
    });

    it("finds nothing wrong as a doctor", async () => {
      const findings = JSON.parse(assertExit(await camcops.slipway("doctor", "--json"), 0).stdout) as {
        about: string;
        result: string;
        message: string;
      }[];
      assert.deepEqual(
        findings.filter(({ result }) => result === "fail"),
        [],
      );
      const about = (name: string) => findings.find((finding) => finding.about === name);
      assert.match(about("Deployment")?.message ?? "", /runs and is healthy/);
      assert.equal(about("Settings")?.result, "ok");
      assert.equal(about("Certificate")?.result, "ok");
    });
  });

  describe("when its containers end", () => {
    /** The services that the status takes for stopped by hand, which keeps nothing from being well. */
    const stopped = async () => {
      const { stdout } = assertExit(await camcops.slipway("status", "--json"), 0);
      const { good, services } = JSON.parse(stdout) as {
        good: boolean;
        services: { service: string; stopped: boolean }[];
      };
      assert.equal(good, true);
      return services.filter((one) => one.stopped).map(({ service }) => service);
    };

    for (const service of services) {
      it(`${service} stops cleanly within its grace time, and starts again`, async () => {
        const { Config: config } = await camcops.inspect(service);
        const begin = Date.now();
        await camcops.container(service).stop();
        const seconds = (Date.now() - begin) / 1000;
        const { State: state } = await camcops.inspect(service);
        // Docker's types leave it out.
        const { StopTimeout: grace } = config as typeof config & { StopTimeout: number };
        assert.equal(state.ExitCode, 0, `exit code ${state.ExitCode} after ${seconds} s`);
        assert.ok(seconds < grace, `took ${seconds} s of ${grace}`);
        if (service === "camcops_monitor") {
          assert.deepEqual(await stopped(), [service]);
        }
        await camcops.container(service).start();
        await camcops.untilHealthy(service, new Date(begin), untilHealthySeconds);
      });
    }

    for (const service of services) {
      it(`${service} comes back by itself after a crash`, async () => {
        const { State: state, RestartCount: restarts } = await camcops.inspect(service);
        const { Image: image } = await camcops.inspect("rabbitmq");
        const begin = new Date();
        // As the kernel ends a process when memory runs out. `docker kill` would count as a stop by hand.
        assertExit(
          await sandbox.run("docker", [
            ...["run", "--rm", "--name", `${camcops.name}-crash`, "--pid=host", "--user=0", "--entrypoint=kill"],
            ...[image, "-KILL", String(state.Pid)],
          ]),
          0,
        );
        await camcops.untilHealthy(service, begin, untilHealthySeconds);
        assert.equal((await camcops.inspect(service)).RestartCount, restarts + 1);
        await untilAllHealthy();
      });
    }

    it("still has its data", async () => {
      await camcops.assertTaskIsThere(added);
    });

    it("is brought back by ./slipway up after docker kill, which Docker takes for a stop by hand", async () => {
      for (const service of services) await camcops.container(service).kill();
      assert.equal((await stopped()).length, services.length);
      await camcops.up();
      assert.deepEqual(await stopped(), []);
      await camcops.assertTaskIsThere(added);
    });
  });

  describe("when an image changes", () => {
    const queue = (work: string) => [
      "python",
      "-c",
      `from kombu import Connection
with Connection("amqp://rabbitmq:5672/") as connection:
    queue = connection.SimpleQueue("slipway_test")
    ${work}`,
    ];
    it("has exactly those services replaced that the preview lists, and the broker's queues survive", async () => {
      const { Image: image } = await camcops.inspect("rabbitmq");
      const dockerfile = `FROM ${image}\nLABEL changed=${camcops.name}\n`;
      assertExit(await sandbox.run("docker", ["build", "--tag", changedImage(), "-"], { input: dockerfile }), 0);
      await camcops.exec("camcops_workers-1", queue('queue.put("survives")'));
      const before = await camcops.containerIds();

      camcops.changeSettings({ ...camcops.settings(), images: { rabbitmq: changedImage() } });
      const preview = assertExit(await camcops.slipway("preview", "--json"), 0);
      assert.deepEqual(changedMembers(preview), ["rabbitmq: replaced"]);
      assert.deepEqual(await camcops.containerIds(), before);
      await camcops.up();

      assert.deepEqual(changedNames(before, await camcops.containerIds()), ["rabbitmq"]);
      assert.notEqual((await camcops.inspect("rabbitmq")).Image, image);
      await untilAllHealthy();
      const message = await camcops.exec("camcops_workers-1", queue("print(queue.get(timeout=10).payload)"));
      assert.equal(message.trim(), "survives");
    });
  });

  describe("when more workers are wanted", () => {
    it("gets one more, and everything else is left alone", async () => {
      const before = await camcops.containerIds();
      const settings = camcops.settings();
      camcops.changeSettings({ ...settings, images: { rabbitmq: changedImage() }, workers: { replicas: 2 } });
      await camcops.up();
      assert.deepEqual(changedNames(before, await camcops.containerIds()), ["camcops_workers-2"]);
    });
  });

  describe("when its certificate is signed by an authority of its own", () => {
    /** Ends the life of the served certificate in two hours, as far as the stack knows. */
    const soonOver = async () => {
      const state = join(sandbox.folder, "state.json");
      assertExit(await camcops.pulumi(["stack", "export", "--file", state]), 0);
      const end = new Date(Date.now() + 2 * 3_600_000).toISOString();
      const text = readFileSync(state, "utf8");
      const { deployment } = JSON.parse(text) as {
        deployment: { resources: { urn: string; outputs?: Record<string, unknown> }[] };
      };
      const signed = deployment.resources.find(({ urn }) => urn.endsWith("::camcops-certificate-signed"));
      const before = signed?.outputs?.["validityEndTime"];
      assert.equal(typeof before, "string");
      writeFileSync(state, text.replaceAll(String(before), end));
      assertExit(await camcops.pulumi(["stack", "import", "--file", state]), 0);
    };

    it("restarts the server alone, also to renew it when it has two hours left, and browsers trust each", async () => {
      const settings = camcops.settings();
      const before = await camcops.containerIds();
      const server = ["camcops_server", "server-files"];
      camcops.changeSettings({
        ...settings,
        images: { rabbitmq: changedImage() },
        workers: { replicas: 2 },
        certificate: { ...settings.certificate, kind: "private-ca" },
      });
      await camcops.up();
      const signed = await camcops.containerIds();
      assert.deepEqual(changedNames(before, signed), server);
      const { certificate } = await camcops.site();
      assert.equal(certificate.trimEnd(), (await camcops.output("camcopsCaCertificate")).trimEnd());
      const first = await servedCertificate(await camcops.site());
      assert.match(first.issuer, new RegExp(`CN=CamCOPS ${camcops.name}`));

      await soonOver();
      await camcops.up();
      assert.deepEqual(changedNames(signed, await camcops.containerIds()), server);
      const second = await servedCertificate(await camcops.site());
      assert.notEqual(second.serialNumber, first.serialNumber);
      assert.equal(second.issuer, first.issuer);
      assert.ok(second.validToDate > first.validToDate, `${second.validTo} after ${first.validTo}`);
      assert.equal((await camcops.site()).certificate, certificate);
      await camcops.assertTaskIsThere(added);
    });
  });

  describe("when passwords and its configuration change", () => {
    const changed = {
      camcopsSuperuserPassword: "another superuser's p@ssword",
      camcopsMysqlUserPassword: `another p@ss/w:rd%'"$\\ é`,
    };
    /** Whether the database lets CamCOPS's user in with a password. */
    const opensDatabase = async (password: string) => {
      const client = ["mariadb", "--protocol=tcp", "--host=127.0.0.1", "--user=camcops.user", "--execute=SELECT 1"];
      const { code } = await camcops.tryExec("mysql", ["env", `MYSQL_PWD=${password}`, ...client]);
      return code === 0;
    };

    it("carries the database's password out, and does not reset the superuser's", async () => {
      assert.equal(await opensDatabase(passwords.camcopsMysqlUserPassword), true);
      for (const [key, value] of Object.entries(changed)) await camcops.setSecret(key, value);
      camcops.changeSettings(camcops.settingsWithExport());
      assertExit(await camcops.slipway("preview"), 0);
      assertExit(await camcops.pulumi(["preview", "--diff"]), 0);
      const log = sandbox.start("docker", ["logs", "--follow", "--tail", "0", `${camcops.name}-mysql`]);
      const up = await camcops.up();
      assert.ok(
        up.stderr.includes(`To set it, type: ./slipway superuser password ${superuser} --stack ${camcops.name}\n`),
      );

      const { stdout, stderr } = await log.ended;
      assert.match(stdout + stderr, /Shutdown complete/, "the database was not shut down cleanly");
      assert.equal(await opensDatabase(changed.camcopsMysqlUserPassword), true);
      assert.equal(await opensDatabase(passwords.camcopsMysqlUserPassword), false);
      await camcops.assertTaskIsThere(added);
      const browser = await camcops.browser();
      await browser.login(superuser, changed.camcopsSuperuserPassword);
      assert.equal(await browser.isLoggedIn(), false);
    });

    it("leaves it to a command to set the superuser's password", async () => {
      const give = (action: string, name: string, input: string) =>
        sandbox.run("./slipway", ["superuser", action, name, "--stack", camcops.name], { input });
      const isLetIn = async (name: string, password: string) => {
        const browser = await camcops.browser();
        await browser.login(name, password);
        return browser.isLoggedIn();
      };
      const former = passwords.camcopsSuperuserPassword;
      assertExit(await give("password", superuser, `${changed.camcopsSuperuserPassword}\n`), 0);
      assert.equal(await isLetIn(superuser, changed.camcopsSuperuserPassword), true);
      assertExit(await give("password", superuser, former), 0);
      assert.equal(await isLetIn(superuser, former), true);

      const short = assertExit(await give("password", superuser, "short"), 1);
      assert.match(short.stderr, /CamCOPS does not accept this password/);
      assert.match(assertExit(await give("password", "nobody", former), 1).stderr, /There is no user 'nobody'\./);
      assert.match(assertExit(await give("create", superuser, former), 1).stderr, /exists already\./);
      assertExit(await give("create", "deputy", former), 0);
      assert.equal(await isLetIn("deputy", former), true);
    });

    it("exports every minute what is new: the scheduler sends the task, a worker makes the PDF file", async () => {
      const file = `/camcops/tmp/exported/badls-${added.serverPk}.pdf`;
      await until(`${file} is exported`, 180, async () => {
        const { code } = await camcops.tryExec("camcops_workers-1", ["test", "-s", file]);
        return code === 0;
      });
      assertPdf(Buffer.from(await camcops.exec("camcops_workers-1", ["base64", file]), "base64"));
      assert.match(await camcops.log("camcops_scheduler"), /Sending due task export_to_archive/);
      const id = /export_to_recipient_backend\[([0-9a-f-]+)\] received/.exec(
        await camcops.log("camcops_workers-1"),
      )?.[1];
      assert.ok(id !== undefined, "no worker has received the task");
      await until("the task has succeeded", 60, async () =>
        (await camcops.log("camcops_workers-1")).includes(`export_to_recipient_backend[${id}] succeeded`),
      );
    });

    it("has shown none of its secrets anywhere", async () => {
      const given = { ...passwords, mailPassword };
      const secrets = formsOfAll({
        ...Object.fromEntries(Object.entries(given).map(([key, value]) => [`the first ${key}`, value])),
        ...Object.fromEntries(Object.entries(changed).map(([key, value]) => [`the second ${key}`, value])),
        ...(await actualSecrets(camcops)),
      });
      const ownFiles: Place[] = [
        { name: "site.conf", text: await camcops.exec("camcops_server", ["cat", "/run/secrets/site.conf"]) },
        { name: "camcops.key", text: await camcops.exec("camcops_server", ["cat", "/run/secrets/camcops.key"]) },
        { name: "login", text: await camcops.exec("camcops_monitor", ["cat", "/run/flower/login"]) },
      ];
      for (const place of ownFiles) {
        assert.notDeepEqual(leaksIn([place], secrets), [], `the search does not find what is in ${place.name}`);
      }

      const places = [
        ...(await placesInDocker(camcops)),
        ...placesInFolder(`${sandbox.home}/state`),
        ...placesInFolder(`${sandbox.home}/stacks`),
        ...placesInFolder(`${sandbox.home}/deployments`),
        ...camcops.transcript.map((text, index) => ({ name: `output ${index} of the commands`, text })),
      ];
      for (const name of [
        "docker inspect of camcops_server",
        "docker logs of superuser",
        "docker top of mysql",
        "/proc of camcops_monitor",
        `${sandbox.home}/state/.pulumi/stacks/slipway/${camcops.name}.json`,
      ]) {
        const text = places.find((place) => place.name === name)?.text ?? "";
        assert.ok(text.length > 20, `nothing was searched in ${name}: ${text}`);
      }
      assert.deepEqual(leaksIn(places, secrets), []);
    });
  });

  describe("when it is taken down", () => {
    it("refuses without the answer to its question", async () => {
      const before = await camcops.containerIds();
      const { stderr } = assertExit(await camcops.slipway("down"), 2);
      assert.match(stderr, /--yes/);
      assert.deepEqual(await camcops.containerIds(), before);
    });

    it("keeps volumes and secrets, so that all is there when it is up again", async () => {
      const volumes = await volumesOf(sandbox.docker, camcops.name);
      const flowerPassword = await camcops.output("camcopsFlowerPassword");
      const sessionSecret = (await actualSecrets(camcops))["the session secret"];
      assertExit(await camcops.slipway("down", "--yes"), 0);
      assert.deepEqual(await camcops.containerIds(), {});
      assert.deepEqual(await networksOf(sandbox.docker, camcops.name), []);
      const data = ["mysql-data", "rabbitmq-data", "tmp"].map((suffix) => `${camcops.name}-${suffix}`);
      assert.deepEqual((await volumesOf(sandbox.docker, camcops.name)).sort(), data);
      assert.ok(data.every((name) => volumes.includes(name)));

      await camcops.up();
      await camcops.assertTaskIsThere(added);
      assert.equal(await camcops.output("camcopsFlowerPassword"), flowerPassword);
      assert.equal((await actualSecrets(camcops))["the session secret"], sessionSecret);
    });

    it("destroys the data only when they are named, twice", async () => {
      const before = await camcops.containerIds();
      const refused: [string[], number][] = [
        [["--delete-data", "another", "--yes"], 2],
        [["--delete-data", camcops.name, "--yes"], 2],
        [["--delete-data", camcops.name, "--confirm", "another", "--yes"], 1],
      ];
      for (const [args, code] of refused) {
        assertExit(await camcops.slipway("down", ...args), code);
        assert.deepEqual(await camcops.containerIds(), before);
      }
      assertExit(await camcops.slipway("down", "--delete-data", camcops.name, "--confirm", camcops.name), 0);
      assert.deepEqual(await camcops.containerIds(), {});
      assert.deepEqual(await volumesOf(sandbox.docker, camcops.name), []);
      assert.deepEqual(await networksOf(sandbox.docker, camcops.name), []);
    });
  });
});
