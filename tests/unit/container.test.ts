import assert from "node:assert/strict";
import * as docker from "@pulumi/docker";
import {
  containerOptions,
  hardenedContainer,
  type ContainerArgs,
  type NetworkMembership,
} from "../../components/container.ts";
import { FileVolume } from "../../components/file-volume.ts";
import type { Host } from "../../components/host.ts";
import { Image } from "../../components/image.ts";
import { Network } from "../../components/network.ts";
import { Volume } from "../../components/volume.ts";
import { hardened, hardenedOptions } from "../hardened.ts";
import { named, recordOnHost } from "../recorded.ts";

type Made = Pick<ContainerArgs, "host" | "system" | "image" | "userId" | "groupId"> & { networks: NetworkMembership[] };

function recordContainer(own: (host: Host, made: Made) => Partial<ContainerArgs> = () => ({})) {
  return recordOnHost((host, options) => {
    const image = new Image("image", { host, source: { pull: "shop:1" } }, options);
    const network = new Network("net", { host, system: "shop", networkName: "shop_net", kind: "internal" }, options);
    const made: Made = { host, system: "shop", image, networks: [{ network }], userId: 5, groupId: 5 };
    const args = { containerName: "shop_web", memory: 256, ...made, ...own(host, made) };
    new docker.Container("web", hardenedContainer(args, { "slipway.service": "web" }), {
      ...containerOptions,
      provider: host.provider,
    });
  });
}

const own = { "slipway.service": "web" };
const usual = {
  ...hardened({ name: "shop_web", reference: "shop:1", user: 5, own }),
  networksAdvanced: [{ name: "shop_net", aliases: [] }],
  memory: 256,
};

describe("a hardened container", () => {
  it("has no root, no capability, nothing to write to but memory, and a rotated log", async () => {
    const { inputs, options } = named(await recordContainer(), "web");
    assert.deepEqual(inputs, usual);
    assert.deepEqual(options, {
      ...hardenedOptions,
      dependsOn: ["host-state", "image-image", "net-network"],
    });
  });

  it("has everything that was asked for", async () => {
    const recorded = await recordContainer((host, { image, networks }) => {
      const owner = { host, system: "shop", image, userId: 5, groupId: 5 };
      const edge = new Network("edge", { host, system: "shop", networkName: "shop_edge", kind: "edge" });
      const volume = new FileVolume("keys", { ...owner, carrierName: "shop_keys", files: { key: "k" } });
      const more = new FileVolume("more", { ...owner, carrierName: "shop_more", files: { more: "m" } });
      return {
        entrypoint: ["/entry"],
        command: ["serve", "--loud"],
        environment: { MODE: "x=y", EMPTY: "" },
        files: [
          { volume, target: "/run/keys" },
          { volume: more, target: "/run/more" },
        ],
        mounts: [
          { source: new Volume("data", { volumeName: "shop_data" }), target: "/data" },
          { source: "/srv/shop", target: "/srv", readOnly: true },
        ],
        writablePaths: ["/run/web", "/tmp"],
        networks: [...networks, { network: edge, aliases: ["web", "www"] }],
        reachesHost: true,
        cpuShares: 512,
        cpus: 1.25,
        hostname: "shop-docker",
        groupIds: [20, 44],
        devices: ["/dev/ttyUSB0"],
        logs: { maxSize: 20, maxFiles: 3 },
        timeZone: "Europe/London",
        stopSignal: "SIGINT",
        stopGraceSeconds: 90,
      };
    });
    const [keys, more] = [named(recorded, "keys-carrier"), named(recorded, "more-carrier")];
    const volumeOf = (name: string) => named(recorded, `${name}-volume`).inputs["name"];
    assert.deepEqual(named(recorded, "web").inputs, {
      ...usual,
      hostname: "shop-docker",
      groupAdds: ["20", "44"],
      devices: [{ hostPath: "/dev/ttyUSB0", containerPath: "/dev/ttyUSB0", permissions: "rw" }],
      entrypoints: ["/entry"],
      command: ["serve", "--loud"],
      envs: ["TZ=Europe/London", "MODE=x=y", "EMPTY="],
      labels: [...usual.labels, { label: "slipway.files", value: `${keys.id} ${more.id}` }],
      volumes: [
        { containerPath: "/data", readOnly: false, volumeName: "shop_data" },
        { containerPath: "/srv", readOnly: true, hostPath: "/srv/shop" },
        { containerPath: "/run/keys", readOnly: true, volumeName: volumeOf("keys") },
        { containerPath: "/run/more", readOnly: true, volumeName: volumeOf("more") },
      ],
      tmpfs: { "/run/web": "uid=5,gid=5", "/tmp": "uid=5,gid=5" },
      networksAdvanced: [
        { name: "shop_net", aliases: [] },
        { name: "shop_edge", aliases: ["web", "www"] },
      ],
      hosts: [{ host: "host.docker.internal", ip: "host-gateway" }],
      cpuShares: 512,
      cpuPeriod: 100_000,
      cpuQuota: 125_000,
      stopSignal: "SIGINT",
      stopTimeout: 90,
      destroyGraceSeconds: 90,
      logOpts: { "max-size": "20m", "max-file": "3" },
    });
  });

  it("is on the host's own network, and on no other, where that is asked for", async () => {
    const recorded = await recordContainer(() => ({ networks: "host" }));
    const { networksAdvanced, ...others } = usual;
    assert.deepEqual(networksAdvanced, [{ name: "shop_net", aliases: [] }]);
    assert.deepEqual(named(recorded, "web").inputs, { ...others, networkMode: "host" });
  });
});
