import assert from "node:assert/strict";
import type { X509Certificate } from "node:crypto";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { issue } from "../certificates.ts";
import { Browser, servedCertificate, type Site } from "./camcops-browser.ts";
import {
  CamcopsDeployment,
  databaseName,
  passwords,
  superuser,
  taskPath,
  type AddedTask,
} from "./camcops-deployment.ts";
import { OutsideDatabase } from "./camcops-outside-database.ts";
import { proxies, startProxy } from "./camcops-proxies.ts";
import { freePorts } from "./support/ports.ts";
import { assertExit } from "./support/processes.ts";
import { Sandbox } from "./support/sandbox.ts";

const day = 24 * 60 * 60 * 1000;

/** The keys of `[server]` that the guide sets for a web server in front. */
const trustedProxy = {
  TRUSTED_PROXY_HEADERS: ["HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST"],
  EXTERNAL_URL_SCHEME: "https",
};

/** A certificate's subject by its parts, such as `CN`. */
function subjectOf({ subject }: X509Certificate): Record<string, string> {
  const parts = subject.split("\n").map((line) => line.split(/=(.*)/s));
  return Object.fromEntries(parts.map(([name = "", value = ""]) => [name, value.replace(/\\(.)/g, "$1")]));
}

// One stack, whose mode is changed from one group of tests to the next. Its database outlives them all.
describe("CamCOPS in each of its documented modes", function () {
  this.timeout(20 * 60_000);
  this.slow(5 * 60_000);

  let sandbox: Sandbox;
  let camcops: CamcopsDeployment;
  let database: OutsideDatabase;
  let added: AddedTask;

  const names = ["camcops.test", "records.camcops.test", "localhost"];
  const addresses = ["127.0.0.1", "127.0.0.3"];
  const firstLimits = { camcops_scheduler: 0.7, camcops_workers: 1.5 };

  /** Sets the mode, with the outside database; limits of processor time by service. */
  const change = (
    mode: Record<string, unknown>,
    { server, port = database.port }: { server: string; port?: number },
    limits: Record<string, number> = firstLimits,
  ) => {
    const usual = camcops.settings();
    const services = Object.entries(usual.services).map(([service, terms]) => [
      service,
      {
        ...terms,
        ...(service in limits && { cpus: limits[service] }),
        ...(service === "rabbitmq" && { logLevel: "warning", timeZone: "Asia/Tokyo" }),
      },
    ]);
    const mysql = { container: false, server, port, databaseName, userName: usual.mysql.userName };
    camcops.changeSettings({ ...usual, mysql, services: Object.fromEntries(services) as object, ...mode });
  };

  /** Logs the superuser in, sees the task, and returns the browser. */
  const assertServes = async (site: Site): Promise<Browser> => {
    const browser = new Browser(site);
    await browser.login(superuser, passwords.camcopsSuperuserPassword);
    assert.equal(await browser.isLoggedIn(), true, `the superuser's login at ${site.serverName} was refused`);
    await browser.agreeToTerms();
    const page = (await browser.get(taskPath(added.serverPk, "html"))).body.toString();
    assert.ok(page.toLowerCase().includes(added.surname.toLowerCase()), `the patient ${added.surname} is not shown`);
    return browser;
  };

  /** The address from which CamCOPS says that the superuser logged in last. */
  const lastLoginFrom = () =>
    database.query("SELECT remote_addr FROM _security_audit WHERE details = 'Login' ORDER BY id DESC LIMIT 1");

  before(async () => {
    sandbox = new Sandbox();
    camcops = await CamcopsDeployment.prepare(sandbox);
    database = await OutsideDatabase.start(sandbox, {
      port: camcops.ports.mysql,
      databaseName,
      userName: camcops.settings().mysql.userName,
      password: passwords.camcopsMysqlUserPassword,
    });
  });

  after(async () => {
    await sandbox.remove();
  });

  describe("with a database of the host that listens on the loopback address only", () => {
    it("is refused before anything is made, with the address that it would have to listen on", async () => {
      const [port = 0] = await freePorts(1);
      const listener = createServer();
      await new Promise<void>((resolve) => listener.listen(port, "127.0.0.1", resolve));
      try {
        change({}, { server: "host.docker.internal", port });
        const { code, stdout, stderr } = await camcops.slipway("up", "--yes");
        const report = stdout + stderr;
        assert.notEqual(code, 0, report);
        assert.match(
          report,
          /camcops\.mysql\.server: must be a server that containers reach, at [\d.]+, but .* on 127\.0\.0\.1 only/,
        );
        assert.match(report, /remedy: +bind-address = \d+\.\d+\.\d+\.\d+ /);
        assert.deepEqual(await camcops.containerIds(), {});
      } finally {
        listener.close();
      }
    });
  });

  describe("with a database on another server, and a self-signed certificate of several names", () => {
    const subject = {
      country: "GB",
      stateOrProvince: "Cambridgeshire",
      locality: "Cambridge, Ely & Soham",
      organization: 'University "of" Cambridge',
    };

    before(async () => {
      const certificate = { kind: "self-signed", ...subject, dnsNames: names, ipAddresses: addresses };
      change({ certificate }, { server: database.address });
      await camcops.up();
      added = await camcops.addTask();
    });

    it("has its tables and its data there, and no database of its own", async () => {
      assert.notEqual(await database.query("SELECT version_num FROM _alembic_version"), "");
      assert.equal(await database.query("SELECT COUNT(*) FROM badls"), "1");
      assert.deepEqual(
        Object.keys(await camcops.containerIds()).filter((name) => name.includes("mysql")),
        [],
      );
    });

    for (const serverName of [...names, ...addresses]) {
      it(`is logged in to as ${serverName}`, async () => {
        await assertServes({ ...(await camcops.site()), serverName });
      });
    }

    it("serves a certificate with all that was said of it", async () => {
      const served = await servedCertificate(await camcops.site());
      assert.deepEqual(subjectOf(served), {
        C: subject.country,
        ST: subject.stateOrProvince,
        L: subject.locality,
        O: subject.organization,
        CN: names[0],
      });
      assert.equal(served.issuer, served.subject);
      assert.deepEqual(
        served.subjectAltName?.split(", ").sort(),
        [...names.map((name) => `DNS:${name}`), ...addresses.map((address) => `IP Address:${address}`)].sort(),
      );
      assert.equal((served.validToDate.getTime() - served.validFromDate.getTime()) / day, 825);
    });

    it("gives services as much processor time as their settings say", async () => {
      const limits = await Promise.all(
        ["camcops_scheduler", "camcops_workers-1", "camcops_monitor"].map(async (service) => {
          const { CpuQuota: quota, CpuPeriod: period } = (await camcops.inspect(service)).HostConfig;
          return [service, quota, period];
        }),
      );
      assert.deepEqual(limits, [
        ["camcops_scheduler", 70_000, 100_000],
        ["camcops_workers-1", 150_000, 100_000],
        ["camcops_monitor", 0, 0],
      ]);
    });

    it("has its broker log no more than was said, in the time zone that was said", async () => {
      assert.doesNotMatch(await camcops.log("rabbitmq"), /\[info\]/);
      assert.equal((await camcops.exec("rabbitmq", ["date", "+%z"])).trim(), "+0900");
    });
  });

  const authority = issue("Root", new Date(Date.now() - day), new Date(Date.now() + 90 * day), undefined, {
    isAuthority: true,
  });
  const intermediate = issue(
    "Intermediate",
    new Date(Date.now() - day),
    new Date(Date.now() + 60 * day),
    { ...authority, subject: "Root" },
    { isAuthority: true },
  );
  const own = issue("camcops.test", new Date(Date.now() - day), new Date(Date.now() + 20.5 * day), {
    ...intermediate,
    subject: "Intermediate",
  });
  const chain = own.certificate + intermediate.certificate;
  /** What a browser knows that trusts the authority. */
  const trusting = (port: number): Site => ({ port, serverName: "camcops.test", certificate: authority.certificate });

  describe("with a database on the host, and the user's certificate with that of its issuer", () => {
    before(async () => {
      writeFileSync(join(camcops.configFolder, "own.crt"), chain, { mode: 0o644 });
      writeFileSync(join(camcops.configFolder, "own.key"), own.privateKey, { mode: 0o644 });
      const certificate = {
        kind: "files",
        certificate: "/camcops/cfg/own.crt",
        privateKey: join(camcops.configFolder, "own.key"),
      };
      change({ certificate }, { server: "host.docker.internal" });
      await camcops.up();
    });

    it("is logged in to by who trusts the authority alone", async () => {
      await assertServes(trusting(camcops.ports.https));
      const served = await servedCertificate(trusting(camcops.ports.https));
      assert.equal(served.issuer, "CN=Intermediate");
    });
  });

  describe("before the user's certificate ends", () => {
    const advice = /put the renewed files in place of the old ones, then type: \.\/slipway up /;

    it("says so in its status, which is good all the same, and as a doctor", async () => {
      const status = assertExit(await camcops.slipway("status", "--json"), 0);
      const { good, certificates } = JSON.parse(status.stdout) as {
        good: boolean;
        certificates: { service: string; daysLeft: number; advice?: string }[];
      };
      assert.equal(good, true);
      assert.deepEqual(
        certificates.map(({ service, daysLeft }) => ({ service, daysLeft })),
        [{ service: "camcops_server", daysLeft: 20 }],
      );
      assert.match(certificates[0]?.advice ?? "", advice);
      assert.match(assertExit(await camcops.slipway("status"), 0).stdout, advice);
      const doctor = assertExit(await camcops.slipway("doctor", "--json"), 0);
      const findings = JSON.parse(doctor.stdout) as { about: string; result: string; message: string }[];
      const found = findings.filter(({ about }) => about === "Certificate");
      assert.deepEqual(
        found.map(({ result }) => result),
        ["warn"],
      );
      assert.match(found[0]?.message ?? "", advice);
    });
  });

  describe("with plain HTTP on the loopback address, behind", () => {
    const ports: Partial<Record<(typeof proxies)[number], number>> = {};

    const changePlain = (limits?: Record<string, number>) => {
      change(
        { https: false, config: { ...camcops.settings().config, server: trustedProxy } },
        { server: "host.docker.internal" },
        limits,
      );
    };

    before(async () => {
      changePlain();
      await camcops.up();
      const found = await freePorts(proxies.length);
      for (const [index, which] of proxies.entries()) {
        const port = found[index] ?? 0;
        ports[which] = port;
        await startProxy(sandbox, which, {
          port,
          serverName: "camcops.test",
          upstreamPort: camcops.ports.https,
          certificate: chain,
          privateKey: own.privateKey,
        });
      }
    });

    for (const [index, which] of proxies.entries()) {
      it(`${which} of the guide, is logged in to with the client's address and https throughout`, async () => {
        const port = ports[which] ?? 0;
        const clientAddress = `127.0.0.${index + 5}`;
        const forged = {
          "x-forwarded-for": "203.0.113.9",
          "x-forwarded-proto": "http",
          "x-forwarded-host": "forged.test",
          "x-real-ip": "203.0.113.10",
        };
        const browser = await assertServes({ ...trusting(port), clientAddress, headers: forged });
        assert.equal(await lastLoginFrom(), clientAddress);
        assert.notEqual(browser.redirections.length, 0);
        for (const location of browser.redirections) {
          assert.ok(location.startsWith(`https://camcops.test:${port}/`), `redirects to ${location}`);
        }
        const page = (await browser.get("/")).body.toString();
        assert.ok(page.includes(`https://camcops.test:${port}/`), page);
        assert.doesNotMatch(page, /http:\/\/camcops\.test|forged\.test/);
      });
    }

    it("is not reachable but from this host", async () => {
      const { HostConfig: host } = await camcops.inspect("camcops_server");
      const bindings = host.PortBindings as Record<string, { HostIp: string }[]>;
      assert.deepEqual(
        Object.values(bindings).flatMap((all) => all.map(({ HostIp: address }) => address)),
        ["127.0.0.1"],
      );
    });

    it("has a limit of processor time changed by a new container of that service alone, and then nothing to change", async () => {
      const ids = await camcops.containerIds();
      changePlain({ camcops_workers: firstLimits.camcops_workers, camcops_monitor: 0.8 });
      await camcops.up();
      const after = await camcops.containerIds();
      assert.deepEqual(
        Object.keys(after)
          .filter((name) => ids[name] !== after[name])
          .sort(),
        ["camcops_monitor", "camcops_scheduler"],
      );
      assert.equal((await camcops.inspect("camcops_monitor")).HostConfig.CpuQuota, 80_000);
      assert.equal((await camcops.inspect("camcops_scheduler")).HostConfig.CpuQuota, 0);
      assertExit(await camcops.slipway("status"), 0);
      assertExit(await camcops.pulumi(["preview", "--expect-no-changes"]), 0);
    });
  });
});
