import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { arch, platform, tmpdir } from "node:os";
import { join } from "node:path";
import { buildId, PULUMI_VERSION } from "../../toolchain/build-pulumi.js";
import { checksumOf, downloadPulumi } from "../../toolchain/download-pulumi.js";
import { pluginFolder, pluginState } from "../../toolchain/plugins.js";
import { isSuitable } from "../../toolchain/pulumi.js";
import { atLeast, parseVersion } from "../../toolchain/version.js";

function temporaryFolder() {
  return mkdtempSync(join(tmpdir(), "slipway-toolchain-"));
}

describe("versions", () => {
  it("are read with and without a prefix, without a suffix", () => {
    assert.deepEqual(parseVersion("v3.256.0"), [3, 256, 0]);
    assert.deepEqual(parseVersion("1.27rc1"), [1, 27]);
    assert.throws(() => parseVersion("devel"), /"devel" is not a version/);
  });

  it("are compared number by number", () => {
    assert.equal(atLeast([1, 26], [1, 26, 0]), true);
    assert.equal(atLeast([1, 9, 9], [1, 26, 0]), false);
    assert.equal(atLeast([2], [1, 26, 0]), true);
  });

  it("of Pulumi serve from the built one up to the next major one", () => {
    const [major = 0, minor = 0] = parseVersion(PULUMI_VERSION);
    assert.equal(isSuitable(PULUMI_VERSION), true);
    assert.equal(isSuitable(`v${major}.${minor + 1}.0`), true);
    assert.equal(isSuitable(`${major}.${minor - 1}.9`), false);
    assert.equal(isSuitable(`${major + 1}.0.0`), false);
  });
});

describe("buildId", () => {
  it("depends on the plugins' versions and not on their order", () => {
    const id = buildId({ docker: "5.2.0", tls: "5.6.1" });
    assert.match(id, /^[0-9a-f]{16}$/);
    assert.equal(buildId({ tls: "5.6.1", docker: "5.2.0" }), id);
    assert.notEqual(buildId({ docker: "5.2.1", tls: "5.6.1" }), id);
  });
});

describe("pluginState", () => {
  it("tells missing, half unpacked, official, built and outdated plugins apart", () => {
    const home = temporaryFolder();
    const folder = pluginFolder(home, "docker", "5.2.0");
    assert.equal(folder, join(home, "plugins", "resource-docker-v5.2.0"));
    const state = () => pluginState(folder, "docker", "id");

    assert.equal(state(), "none");
    mkdirSync(folder, { recursive: true });
    const file = join(folder, "pulumi-resource-docker");
    writeFileSync(file, "");
    assert.equal(state(), "none");
    chmodSync(file, 0o755);
    assert.equal(state(), "official");
    writeFileSync(`${folder}.partial`, "");
    assert.equal(state(), "none");
    rmSync(`${folder}.partial`);
    writeFileSync(join(folder, "built-from"), "id");
    assert.equal(state(), "built");
    writeFileSync(join(folder, "built-from"), "another");
    assert.equal(state(), "outdated");
    rmSync(home, { recursive: true });
  });
});

describe("checksumOf", () => {
  it("finds a file in text and binary mode lines, and only that file", () => {
    const list = "aa  x.tar.gz.sig\nbb *x.tar.gz\ncc  y.tar.gz\n";
    assert.equal(checksumOf(list, "x.tar.gz"), "bb");
    assert.equal(checksumOf(list, "y.tar.gz"), "cc");
    assert.throws(() => checksumOf(list, "z.tar.gz"), /does not name z\.tar\.gz/);
  });
});

describe("downloadPulumi", () => {
  const version = "3.999.0";
  const file = `pulumi-v${version}-${platform()}-${arch()}.tar.gz`;
  let root: string;
  let server: Server;
  let releases: string;
  let served: Record<string, string | Buffer>;

  beforeEach(async () => {
    root = temporaryFolder();
    const source = join(root, "source", "pulumi");
    mkdirSync(source, { recursive: true });
    writeFileSync(join(source, "pulumi"), `#!/bin/sh\necho v${version}\n`, { mode: 0o755 });
    execFileSync("tar", ["-czf", join(root, file), "-C", join(root, "source"), "pulumi"]);
    const archive = readFileSync(join(root, file));
    const checksum = createHash("sha256").update(archive).digest("hex");
    served = { [`/${file}`]: archive, [`/pulumi-${version}-checksums.txt`]: `${checksum}  ${file}\n` };
    server = createServer((request, response) => {
      const body = served[request.url ?? ""];
      response.writeHead(body === undefined ? 404 : 200).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    releases = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(() => {
    server.close();
    rmSync(root, { recursive: true });
  });
  const download = () => downloadPulumi({ version, folder: join(root, "out"), releases, signal: undefined });

  it("unpacks a release whose checksum is as published", async () => {
    await download();
    assert.equal(execFileSync(join(root, "out", "pulumi"), { encoding: "utf8" }), `v${version}\n`);
  });

  it("leaves nothing of one whose checksum is not", async () => {
    served[`/pulumi-${version}-checksums.txt`] = `${"0".repeat(64)}  ${file}\n`;
    await assert.rejects(download(), /the SHA-256 checksum is [0-9a-f]{64}; published is 0{64}\. It is not used/);
    assert.equal(existsSync(join(root, "out")), false);
  });

  it("names the address that does not serve it", async () => {
    served = {};
    await assert.rejects(download(), new RegExp(`${releases}/pulumi-${version}-checksums.txt: HTTP status 404`));
  });
});
