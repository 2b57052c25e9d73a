import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { FileVolume, type FileVolumeArgs } from "../../components/file-volume.ts";
import { Image } from "../../components/image.ts";
import { entriesOf } from "../archive.ts";
import { dockerStub } from "../docker-stub.ts";
import { labels, ownerLabels } from "../hardened.ts";
import { imageId, stateId } from "../provider-outputs.ts";
import { described, differences, named, recordOnHost } from "../recorded.ts";

const files = { key: "k'e\"y\n", "app.conf": "a = 1\n" };

function recordFiles(own: () => Partial<FileVolumeArgs> = () => ({}), url?: string) {
  return recordOnHost(
    (host, options) => {
      const image = new Image("image", { host, source: { pull: "shop:1" } }, options);
      const owner = { host, system: "shop", image, userId: 5, groupId: 6 };
      return new FileVolume("shop-files", { ...owner, carrierName: "shop_files", files, ...own() }, options);
    },
    url === undefined ? {} : { url },
  );
}

function volumeName(recorded: Awaited<ReturnType<typeof recordFiles>>): string {
  return String(named(recorded, "shop-files-volume").inputs["name"]);
}

describe("FileVolume", () => {
  it("is a volume and a carrier that never runs; the contents are secret", async () => {
    const recorded = await recordFiles();
    const volume = volumeName(recorded);
    assert.match(volume, /^shop_files-[0-9a-f]{8}$/);
    assert.deepEqual(
      described(recorded).filter(({ name }) => !name.startsWith("image")),
      [
        {
          type: "slipway:index:FileVolume",
          name: "shop-files",
          parent: undefined,
          inputs: {},
          options: {},
          outputs: { volumeName: volume, revision: named(recorded, "shop-files-carrier").id },
        },
        {
          type: "docker:index/container:Container",
          name: "shop-files-carrier",
          parent: "shop-files",
          inputs: {
            name: "shop_files",
            image: imageId("shop:1"),
            entrypoints: ["/never-started"],
            start: false,
            mustRun: false,
            networkMode: "none",
            restart: "no",
            logDriver: "none",
            removeVolumes: true,
            labels: labels(ownerLabels("shop")),
            volumes: [{ volumeName: volume, containerPath: "/files" }],
            uploads: {
              secret: [
                { file: "/files/key", content: files.key, permissions: "0400" },
                { file: "/files/app.conf", content: files["app.conf"], permissions: "0400" },
              ],
            },
          },
          options: {
            provider: "host-provider",
            deleteBeforeReplace: true,
            hooks: ["afterCreate", "beforeCreate"],
            dependsOn: ["host-state", "image-image", "shop-files-volume"],
          },
        },
        {
          type: "docker:index/volume:Volume",
          name: "shop-files-volume",
          parent: "shop-files",
          inputs: { name: volume },
          options: { provider: "host-provider", deleteBeforeReplace: true },
        },
      ],
    );
  });

  it("keeps its volume when a content changes, and gets another carrier, of which its users learn", async () => {
    const [before, after] = [await recordFiles(), await recordFiles(() => ({ files: { ...files, key: "other" } }))];
    assert.deepEqual(differences(before, after), {
      removed: [],
      added: [],
      changed: ["shop-files", "shop-files-carrier"],
    });
    assert.equal(volumeName(after), volumeName(before));
    const [old, now] = [before, after].map((recorded) => named(recorded, "shop-files").outputs?.["revision"]);
    assert.notEqual(now, old);
  });

  it("has another volume for other files or another owner, so that nothing stays behind in it", async () => {
    const volumes = [
      volumeName(await recordFiles()),
      volumeName(await recordFiles(() => ({ files: { key: files.key } }))),
      volumeName(await recordFiles(() => ({ userId: 7 }))),
      volumeName(await recordFiles(() => ({ groupId: 7 }))),
    ];
    assert.equal(new Set(volumes).size, 4);
    const reversed = await recordFiles(() => ({ files: Object.fromEntries(Object.entries(files).reverse()) }));
    assert.equal(volumeName(reversed), volumes[0]);
  });

  it("has another volume and another carrier for other contents where a former container keeps its own", async () => {
    const recorded = await recordFiles(() => ({ overlapping: true }));
    const { inputs, options } = named(recorded, "shop-files-revision");
    assert.deepEqual(inputs, { byteLength: 4, keepers: { contents: { secret: JSON.stringify(files) } } });
    assert.equal(options.deleteBeforeReplace, undefined);
    assert.equal(named(recorded, "shop-files-carrier").inputs["name"], `shop_files-${stateId}`);
    assert.match(volumeName(recorded), new RegExp(`^shop_files-${stateId}-[0-9a-f]{8}$`));
    for (const made of ["carrier", "volume"]) {
      assert.equal(named(recorded, `shop-files-${made}`).options.deleteBeforeReplace, undefined);
    }
  });

  it("takes a carrier that a killed run left behind out of the way", async () => {
    const docker = await dockerStub({});
    try {
      await named(await recordFiles(undefined, docker.url), "shop-files-carrier").runHooks("beforeCreate");
      assert.deepEqual(docker.requests, ["GET /containers/shop_files/json"]);
    } finally {
      await docker.close();
    }
  });

  it("gives each file to the one user who may read it", async () => {
    const docker = await dockerStub({});
    try {
      const secret = () => ({ files: { ...files, key: pulumi.secret(files.key) } });
      const carrier = named(await recordFiles(secret, docker.url), "shop-files-carrier");
      await assert.rejects(carrier.runHooks("afterCreate"), { statusCode: 404 });
      // Docker refused them, so the carrier is removed, to be made anew by the next deployment.
      assert.deepEqual(docker.requests, [
        `PUT /containers/${carrier.id}/archive?path=/files`,
        `DELETE /containers/${carrier.id}?v=false&force=true`,
      ]);
      assert.deepEqual(await entriesOf(docker.bodies[0] ?? Buffer.alloc(0), "name", "mode", "uid", "gid"), [
        { name: "key", mode: 0o400, uid: 5, gid: 6, content: files.key },
        { name: "app.conf", mode: 0o400, uid: 5, gid: 6, content: files["app.conf"] },
      ]);
    } finally {
      await docker.close();
    }
  });

  it("keeps a carrier that took them", async () => {
    const id = named(await recordFiles(), "shop-files-carrier").id;
    const docker = await dockerStub({ [`PUT /containers/${id}/archive`]: {} });
    try {
      await named(await recordFiles(undefined, docker.url), "shop-files-carrier").runHooks("afterCreate");
      assert.deepEqual(docker.requests, [`PUT /containers/${id}/archive?path=/files`]);
    } finally {
      await docker.close();
    }
  });
});
