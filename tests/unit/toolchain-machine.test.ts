import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureBaseImage, keeping, sourcesOf } from "../../toolchain/base-image.js";
import { engineState, ensureDocker, localSocket, notPermitted } from "../../toolchain/docker.js";
import { withLock } from "../../toolchain/lock.js";
import { ensureNodeModules, missingPackages } from "../../toolchain/node-modules.js";
import { createReport, duration } from "../../toolchain/report.js";
import { CommandError, run, which } from "../../toolchain/run.js";

function unexpected() {
  throw new Error("the lock was held");
}

describe("making a machine ready", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "slipway-machine-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  describe("missingPackages", () => {
    const wanted = {
      "": { version: "0.1.0" },
      "node_modules/a": { version: "1.0.0" },
      "node_modules/other-platform": { version: "1.0.0", optional: true },
    };

    it("takes an installation as the lock file says, without other platforms' packages, for complete", () => {
      assert.deepEqual(missingPackages(wanted, { "node_modules/a": { version: "1.0.0" } }), []);
    });

    it("names what is missing or of another version, optional or not", () => {
      assert.deepEqual(missingPackages(wanted, {}), ["node_modules/a"]);
      const installed = { "node_modules/a": { version: "1.0.1" }, "node_modules/other-platform": { version: "2.0.0" } };
      assert.deepEqual(missingPackages(wanted, installed), ["node_modules/a", "node_modules/other-platform"]);
    });
  });

  describe("ensureNodeModules", () => {
    it("installs nothing into a link, whose target may be another clone's", async () => {
      const target = join(folder, "other");
      mkdirSync(target);
      symlinkSync(target, join(folder, "node_modules"));
      writeFileSync(join(folder, "package-lock.json"), JSON.stringify({ packages: { "node_modules/a": {} } }));
      const report = createReport({ isTTY: false, columns: 80, write: () => true });
      await assert.rejects(ensureNodeModules({ root: folder, report }), {
        message: `${folder}/node_modules is a link, and an installation would empty what it points to. Type: rm '${folder}/node_modules'`,
      });
    });
  });

  describe("run", () => {
    it("returns standard output and hands over every line as it comes", async () => {
      const lines: string[] = [];
      const script = "echo one; echo two >&2; printf three";
      assert.equal(await run("sh", ["-c", script], { onLine: (line) => lines.push(line) }), "one\nthree");
      assert.deepEqual(lines.sort(), ["one", "two"]);
    });

    it("fails with the command, its exit code and the end of its output", async () => {
      const error = await run("sh", ["-c", "seq 1 100 >&2; exit 3"]).catch((reason: unknown) => reason);
      assert.ok(error instanceof CommandError);
      assert.match(error.message, /^`sh -c .*` failed with exit code 3:\n81\n(\d+\n)+100$/);
      assert.match(error.output, /^1\n2\n/);
    });

    it("says when there is no such command", async () => {
      await assert.rejects(run(join(folder, "nothing"), []), /could not be run: .*ENOENT/);
    });

    it("ends the command when it is told to", async () => {
      await assert.rejects(run("sleep", ["60"], { signal: AbortSignal.timeout(50) }), CommandError);
    });
  });

  describe("which", () => {
    it("finds the first executable file, neither folders nor other files", () => {
      const [one = "", two = "", three = ""] = ["one", "two", "three"].map((name) => join(folder, name));
      mkdirSync(join(one, "tool"), { recursive: true });
      mkdirSync(two);
      writeFileSync(join(two, "tool"), "", { mode: 0o644 });
      mkdirSync(three);
      writeFileSync(join(three, "tool"), "", { mode: 0o755 });
      assert.equal(which("tool", [one, two, three].join(":")), join(three, "tool"));
      assert.equal(which("tool", [one, two].join(":")), undefined);
    });
  });

  describe("withLock", () => {
    it("lets one work after the other, and the waiting one say so", async () => {
      const lock = join(folder, "parent", "lock");
      const events: string[] = [];
      const work = (name: string) =>
        withLock(
          lock,
          () => events.push(`${name} waits`),
          async () => {
            events.push(`${name} begins`);
            await new Promise((resolve) => setTimeout(resolve, 50));
            events.push(`${name} ends`);
          },
        );
      await Promise.all([work("first"), work("second")]);
      assert.deepEqual(events, ["first begins", "second waits", "first ends", "second begins", "second ends"]);
      assert.equal(existsSync(lock), false);
    });

    it("opens after a failure", async () => {
      const lock = join(folder, "lock");
      await assert.rejects(
        withLock(lock, unexpected, () => Promise.reject(new Error("no luck"))),
        /no luck/,
      );
      assert.equal(await withLock(lock, unexpected, () => Promise.resolve("done")), "done");
    });

    it("takes over from a process that was killed", async () => {
      const lock = join(folder, "lock");
      mkdirSync(lock);
      const longAgo = new Date(Date.now() - 60_000);
      utimesSync(lock, longAgo, longAgo);
      assert.equal(
        await withLock(
          lock,
          () => undefined,
          () => Promise.resolve("done"),
        ),
        "done",
      );
    });
  });

  describe("report", () => {
    it("shows durations as people say them", () => {
      assert.deepEqual([420, 9_960, 59_400, 185_000].map(duration), ["0.4 s", "10 s", "59 s", "3 min 5 s"]);
    });

    it("writes plain lines where there is no terminal: what and why, then how long", async () => {
      let text = "";
      const report = createReport({ write: (part) => (text += part) });
      const result = await report.step("Building", "it is missing", (detail) => {
        detail("halfway");
        return Promise.resolve(7);
      });
      await assert.rejects(report.step("Pulling", "it is old", () => Promise.reject(new Error("no net"))));
      report.note("Noted");
      assert.equal(result, 7);
      assert.match(
        text,
        /^… Building: it is missing\n✓ Building \(0\.\d s\)\n… Pulling: it is old\n✗ Pulling \(0\.\d s\)\nNoted\n$/,
      );
    });

    it("leaves nothing but lines on a terminal when all is done", async () => {
      let text = "";
      const report = createReport({ isTTY: true, columns: 20, write: (part) => (text += part) });
      await report.step("Building", "it is missing", () => Promise.resolve());
      assert.match(text, /\n\r\x1b\[K$/);
    });
  });

  describe("localSocket", () => {
    it("knows an engine of this machine", () => {
      assert.equal(localSocket("unix:///run/docker.sock"), "/run/docker.sock");
      assert.equal(localSocket("ssh://user@elsewhere"), undefined);
      assert.equal(localSocket("tcp://127.0.0.1:2375"), undefined);
    });
  });

  describe("engineState", () => {
    it("tells a running engine from none", async () => {
      const socket = join(folder, "docker.sock");
      assert.equal(await engineState(socket), "not running");
      const server = createServer((request, response) => {
        response.writeHead(request.url === "/_ping" ? 200 : 404).end("OK");
      });
      await new Promise<void>((resolve) => server.listen(socket, resolve));
      assert.equal(await engineState(socket), "answers");
      server.close();
    });

    it("reports an engine that is ill", async () => {
      const socket = join(folder, "docker.sock");
      const server = createServer((_request, response) => response.writeHead(500).end());
      await new Promise<void>((resolve) => server.listen(socket, resolve));
      await assert.rejects(engineState(socket), /answers with HTTP status 500/);
      server.close();
    });
  });

  describe("ensureDocker", () => {
    const report = createReport({ write: () => true });

    it("leaves an engine of another machine alone", async () => {
      await ensureDocker({ host: "ssh://user@elsewhere", cache: folder, report });
    });

    it("starts no engine at a socket of the user's choice, and says so", async () => {
      const host = `unix://${join(folder, "docker.sock")}`;
      await assert.rejects(
        ensureDocker({ host, cache: folder, report }),
        new RegExp(`No Docker daemon answers at ${host}`),
      );
    });

    it("tells a user who is not in the group what to type", () => {
      assert.match(notPermitted("/run/docker.sock", "ann"), /Type: sudo usermod -aG docker ann\nThen log out and in/);
    });
  });

  describe("ensureBaseImage", () => {
    const report = createReport({ write: () => true });
    const path = process.env["PATH"];
    beforeEach(() => {
      process.env["PATH"] = folder;
    });
    afterEach(() => {
      process.env["PATH"] = path;
    });
    const ensure = () => ensureBaseImage({ host: "unix:///nowhere.sock", rebuild: false, report });

    /** Puts a command docker in the way that notes its arguments. */
    function fakeDocker(inspect: string) {
      const log = join(folder, "log");
      const script = `#!/bin/sh\necho "$3 $4" >> '${log}'\n[ "$3" != image ] || { ${inspect}; }\n`;
      writeFileSync(join(folder, "docker"), script, { mode: 0o700 });
      return () => readFileSync(log, "utf8").trim().split("\n");
    }

    it("says what to install where there is no command docker", async () => {
      await assert.rejects(
        ensure(),
        /command docker, which is not installed here.* Type: sudo apt-get install docker-cli/,
      );
    });

    it("is content with the image that is there", async () => {
      const calls = fakeDocker("echo '[]'");
      await ensure();
      assert.deepEqual(calls(), ["image inspect"]);
    });

    it("pulls the official image where there is none", async () => {
      const calls = fakeDocker("echo 'Error response from daemon: No such image: x' >&2; exit 1");
      await ensure();
      assert.deepEqual(calls(), ["image inspect", "pull debian:bookworm-slim", "tag debian:bookworm-slim"]);
    });

    it("takes no other failure for a missing image", async () => {
      const calls = fakeDocker("echo 'Cannot connect to the Docker daemon' >&2; exit 1");
      await assert.rejects(ensure(), /Cannot connect to the Docker daemon/);
      assert.deepEqual(calls(), ["image inspect"]);
    });
  });

  describe("keeping", () => {
    const environment = { SOURCE_DATE_EPOCH: "1", http_proxy: "http://user:hunter2@proxy.example.org" };

    it("names the variables that sudo keeps, and none of their values", () => {
      assert.deepEqual(keeping(["sudo", "-n"], environment), [
        "sudo",
        "-n",
        "--preserve-env=SOURCE_DATE_EPOCH,http_proxy",
      ]);
    });

    it("puts nothing before what root runs", () => {
      assert.deepEqual(keeping([], environment), []);
    });
  });

  describe("sourcesOf", () => {
    const target = (release: string, uri = "http://mirror.example/debian/", origin = "Debian") =>
      `${origin}|${uri}|${release}|main`;
    const all = ["bookworm", "bookworm-updates", "bookworm-security"];

    it("takes this machine's mirrors of the same release", () => {
      const targets = [...all.map((release) => target(release)), target("bookworm", "http://other.example/", "Other")];
      assert.deepEqual(
        sourcesOf(targets.join("\n")),
        all.map((release) => `deb http://mirror.example/debian/ ${release} main`),
      );
    });

    it("takes none of another release, of an incomplete one, or that a container could not reach", () => {
      assert.deepEqual(sourcesOf(target("trixie")), []);
      assert.deepEqual(sourcesOf(target("bookworm")), []);
      assert.deepEqual(sourcesOf(all.map((release) => target(release, "https://mirror.example/")).join("\n")), []);
      assert.deepEqual(sourcesOf(all.map((release) => target(release, "file:/srv/debian/")).join("\n")), []);
    });
  });
});
