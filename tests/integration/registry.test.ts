import assert from "node:assert/strict";
import { buildImage, builtReference } from "../../components/build.ts";
import { registryImage } from "../fixtures/registry-image/context.ts";
import { Deployment } from "./support/deployment.ts";
import { start, assertExit } from "./support/processes.ts";
import { Sandbox } from "./support/sandbox.ts";
import { until } from "./support/until.ts";

const setting = "camcops.images.rabbitmq";

describe("a registry for images", () => {
  let sandbox: Sandbox;
  let dev: Deployment;
  let prod: Deployment;
  /** What the images' names begin with. */
  let repository: string;
  let first: string;

  const docker = (...args: string[]) => start("docker", args).ended;

  /** Pushes the broker's image, and takes from the engine what it would otherwise not have to pull. */
  async function push(): Promise<string> {
    const { stdout } = assertExit(await dev.slipway("images", "push", setting, "--to", repository, "--json"), 0);
    const pushed = JSON.parse(stdout) as Record<string, string>;
    assert.deepEqual(Object.keys(pushed), [setting]);
    const { RepoTags: tags } = await dev.docker.getImage(String(pushed[setting])).inspect();
    for (const tag of tags.filter((name) => name.startsWith(repository))) assertExit(await docker("rmi", tag), 0);
    return String(pushed[setting]);
  }

  function use(reference: string): void {
    prod.set({ images: { camcops: reference, mysql: reference, rabbitmq: reference, nginx: reference } });
  }

  /** The registry's names for the image of the running broker. */
  async function running(): Promise<string[]> {
    const image = (await prod.containers()).get("rabbitmq")?.Image ?? "";
    return (await prod.docker.getImage(image).inspect()).RepoDigests;
  }

  before(async () => {
    sandbox = new Sandbox({ program: "tests/fixtures/broker/index.ts" });
    dev = new Deployment(sandbox);
    const reference = builtReference(registryImage);
    await buildImage(dev.docker, registryImage, reference, () => undefined);
    const name = `${sandbox.prefix}-registry`;
    assertExit(await docker("run", "--detach", "--name", name, "--publish", "127.0.0.1::5000", reference), 0);
    const { stdout } = assertExit(await docker("port", name, "5000"), 0);
    const address = stdout.trim();
    await until("the registry answers", 60, () =>
      fetch(`http://${address}/v2/`).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
    repository = `${address}/site/slipway`;
    prod = new Deployment(sandbox, { stack: "prod" });
    sandbox.editStackFile("prod", { "slipway:environment": "prod" });
  });

  after(async () => {
    const mine = await dev.docker.listImages({ filters: { reference: [`${repository}/*`] } });
    for (const { RepoDigests: digests } of mine) for (const digest of digests ?? []) await docker("rmi", digest);
    await sandbox.remove();
  });

  it("takes the images that a stack builds, and no others", async () => {
    const { code, stderr } = await dev.slipway("images", "push", "camcops.images.redis", "--to", repository);
    assert.equal(code, 2);
    assert.match(stderr, /camcops\.images\.redis\. Allowed: camcops\.images\.camcops, .*mysql, .*rabbitmq/);
    first = await push();
    assert.match(first, /^127\.0\.0\.1:\d+\/site\/slipway\/rabbitmq@sha256:[0-9a-f]{64}$/);
  });

  it("gives a prod stack what its digest names", async () => {
    use(first);
    await prod.up();
    assert.ok((await running()).includes(first));
    await prod.expectNoChanges();
  });

  it("gives it a newer image by the newer digest, as the preview has said", async () => {
    sandbox.editStackFile("dev", { "slipway:imageRevision": sandbox.prefix });
    const newer = await push();
    assert.notEqual(newer, first);
    use(newer);
    const { stdout } = assertExit(await prod.slipway("preview"), 0);
    assert.match(stdout, /^broker: 1 service replaced/m);
    await prod.up();
    assert.ok((await running()).includes(newer));
    await prod.expectNoChanges();
  });
});
