import assert from "node:assert/strict";
import { MinimalStack, minimalProgram } from "./support/minimal.ts";
import { assertExit } from "./support/processes.ts";
import { Sandbox } from "./support/sandbox.ts";

const base = "slipway/base:bookworm";

describe("drift", () => {
  let sandbox: Sandbox;
  let minimal: MinimalStack;

  before(async () => {
    sandbox = new Sandbox({ program: minimalProgram });
    minimal = await MinimalStack.prepare(sandbox);
    await minimal.up();
  });

  after(() => sandbox.remove());

  interface Found {
    good: boolean;
    containers: { container: string; differences: { what: string; declared?: string; there?: string }[] }[];
  }

  const drift = async (code: number): Promise<Found> =>
    JSON.parse(assertExit(await minimal.slipway("drift", "--json"), code).stdout) as Found;

  /** Puts another container of the same name in the web server's place, as somebody does who tries something. */
  async function recreateWeb(): Promise<void> {
    const { docker, name } = minimal;
    const container = docker.getContainer(`${name}-web`);
    const { Config: config, HostConfig: host } = await container.inspect();
    await container.remove({ force: true });
    const made = await docker.createContainer({
      ...config,
      name: `${name}-web`,
      Env: [...config.Env.filter((variable) => !variable.startsWith("TZ=")), "TZ=Europe/Berlin", "SECRET=hunter2"],
      Labels: { ...config.Labels, "slipway.image": "tried:1" },
      HostConfig: { ...host, Binds: ["/tmp:/run/secrets:ro"], NetworkMode: `${name}-edge` },
    });
    await made.start();
  }

  /** Connects the database to its network by another name. */
  async function reconnectDatabase(): Promise<void> {
    const network = minimal.docker.getNetwork(`${minimal.name}-internal`);
    const database = `${minimal.name}-database`;
    await network.disconnect({ Container: database });
    await network.connect({ Container: database, EndpointConfig: { Aliases: ["other"] } });
  }

  /** Changes a generated file, and adds another, in the volume of the task's files. */
  async function changeFiles(): Promise<void> {
    const { Mounts: mounts } = await minimal.docker.getContainer(`${minimal.name}-credentials`).inspect();
    const volume = mounts.find(({ Destination: target }) => target === "/files")?.Name ?? "";
    const run = ["run", "--rm", "--network=none", `--volume=${volume}:/files`, base];
    const script = "echo '# changed' >>/files/client.cnf && echo added >/files/added";
    assertExit(await sandbox.run("docker", [...run, "sh", "-c", script]), 0);
  }

  it("is not found after a deployment", async () => {
    assert.deepEqual(await drift(0), { stack: "dev", good: true, containers: [] });
  });

  it("is named, whatever it is, without a secret", async () => {
    const { docker, name } = minimal;
    await recreateWeb();
    await reconnectDatabase();
    await changeFiles();
    await docker.getContainer(`${name}-fill`).remove();
    const { Config: config } = await docker.getContainer(`${name}-database`).inspect();
    const state = config.Labels["slipway.state"] ?? "";
    await docker.createContainer({ name: `${name}-extra`, Image: base, Labels: { "slipway.state": state } });

    const { good, containers } = await drift(3);
    assert.equal(good, false);
    const [credentials, database, extra, fill, web, ...others] = containers;
    assert.deepEqual(others, []);
    assert.deepEqual(credentials, {
      container: `${name}-credentials`,
      differences: [
        { what: "file client.cnf", declared: "as it was generated", there: "with another content" },
        { what: "file added", there: "a file that was not generated" },
      ],
    });
    assert.deepEqual(database, {
      container: `${name}-database`,
      differences: [{ what: `network ${name}-internal`, declared: "aliases database", there: "aliases other" }],
    });
    assert.deepEqual(extra, {
      container: `${name}-extra`,
      differences: [{ what: "container", there: `${name}-extra` }],
    });
    assert.deepEqual(fill, {
      container: `${name}-fill`,
      differences: [{ what: "container", declared: `${name}-fill` }],
    });
    const volume = /^\S+-logins-[0-9a-f]{8}, read-only$/;
    const [another, ...differences] = web?.differences ?? [];
    assert.match(String(another?.there), /^another one, made at /);
    assert.match(String(differences.find(({ what }) => what === "mount at /run/secrets")?.declared), volume);
    assert.deepEqual(
      differences.map(({ what, there }) => [what, there]).sort(),
      [
        ["environment variable SECRET", "(not shown)"],
        ["environment variable TZ", "Europe/Berlin"],
        ["label slipway.image", "tried:1"],
        ["mount at /run/secrets", "/tmp, read-only"],
        ["network mode", `${name}-edge`],
        [`network ${name}-internal`, undefined],
      ].sort(),
    );
  });

  it("is repaired by a deployment, with consent", async () => {
    const { docker, name } = minimal;
    const unasked = assertExit(await minimal.slipway("up"), 2);
    assert.match(unasked.stdout, /web:\n {2}container: declared is made by the last deployment, there is another one/);
    assert.match(unasked.stderr, /Nobody can be asked here. To agree, add: --yes/);

    await minimal.up();
    const { containers } = await drift(3);
    assert.deepEqual(
      containers.map(({ container }) => container),
      [`${name}-extra`],
    );
    const told = assertExit(await minimal.slipway("drift"), 3);
    assert.match(told.stderr, new RegExp(`To remove it, type: docker rm --force ${name}-extra`));
    await docker.getContainer(`${name}-extra`).remove();
    assert.deepEqual((await drift(0)).containers, []);
    await minimal.assertComplete();
    const password = await minimal.webPassword();
    assert.equal((await minimal.get("/", { name: "reader", password })).status, 200);
    await minimal.expectNoChanges();
  });
});
