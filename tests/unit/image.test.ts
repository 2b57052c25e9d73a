import assert from "node:assert/strict";
import { baseImage, bundledImage, contextHash } from "../../components/build.ts";
import { Image, type ImageArgs } from "../../components/image.ts";
import versions from "../../images/versions.json" with { type: "json" };
import { dockerStub } from "../docker-stub.ts";
import { imageId } from "../provider-outputs.ts";
import { described, named, recordOnHost } from "../recorded.ts";

function recordImage(source: ImageArgs["source"], url?: string) {
  return recordOnHost(
    (host, options) => new Image("shop-web", { host, source }, options),
    url === undefined ? {} : { url },
  );
}

function expected(reference: string, hooks: { hooks?: string[] }) {
  return [
    {
      type: "slipway:index:Image",
      name: "shop-web",
      parent: undefined,
      inputs: {},
      options: {},
      outputs: { id: imageId(reference), reference },
    },
    {
      type: "docker:index/remoteImage:RemoteImage",
      name: "shop-web-image",
      parent: "shop-web",
      inputs: { name: reference, keepLocally: true },
      options: { provider: "host-provider", ...hooks },
    },
  ];
}

describe("Image", () => {
  it("is pulled by its reference, without a build, and stays in Docker", async () => {
    const pull = "registry.example.org/shop@sha256:abc";
    assert.deepEqual(described(await recordImage({ pull })), expected(pull, {}));
  });

  it("is named by what it is built from, and built before the resource is made", async () => {
    const build = bundledImage("mariadb");
    const reference = `slipway/mariadb:${versions.mariadb}-${contextHash(build)}`;
    const docker = await dockerStub({
      [`GET /images/${baseImage}/json`]: { body: { Id: "sha256:1" } },
      "POST /build": { body: Buffer.from('{"stream":"done"}') },
    });
    try {
      const recorded = await recordImage({ build }, docker.url);
      assert.deepEqual(described(recorded), expected(reference, { hooks: ["beforeCreate"] }));
      assert.equal(docker.requests.length, 0);
      await named(recorded, "shop-web-image").runHooks("beforeCreate");
      assert.equal(docker.requests[0], `GET /images/${reference}/json`);
      const query = docker.requests.at(-1)?.replace("POST /build?", "");
      assert.equal(new URLSearchParams(query).get("t"), reference);
    } finally {
      await docker.close();
    }
  });
});
