import assert from "node:assert/strict";
import tar from "tar-stream";
import { buffer } from "node:stream/consumers";
import { carriedVolume } from "../../cli/drift/carried-files.ts";
import { parseDeclared, replacedBy, type Declared } from "../../cli/drift/declared.ts";
import { differencesBetween, inWords } from "../../cli/drift/differences.ts";
import { driftedUrns, driftLines, findDrift } from "../../cli/drift/drift.ts";
import { declaredFacts, presentFacts, type InspectedContainer, type InspectedImage } from "../../cli/drift/facts.ts";
import { FileVolume } from "../../components/file-volume.ts";
import { Image } from "../../components/image.ts";
import { Network } from "../../components/network.ts";
import { Service } from "../../components/service.ts";
import { Volume } from "../../components/volume.ts";
import { dockerStub } from "../docker-stub.ts";
import { imageId, stateId } from "../provider-outputs.ts";
import { named, recordOnHost } from "../recorded.ts";

/** A service with everything that a service can have. */
async function serviceInputs(): Promise<Record<string, unknown>> {
  const recorded = await recordOnHost((host, options) => {
    const owner = { host, system: "shop", userId: 5, groupId: 6 };
    const image = new Image("image", { host, source: { pull: "shop:1" } }, options);
    const network = new Network("net", { host, system: "shop", networkName: "shop-net", kind: "edge" }, options);
    const files = new FileVolume("keys", { ...owner, image, carrierName: "shop-keys", files: { key: "k" } }, options);
    new Service(
      "web",
      {
        ...owner,
        service: "web",
        containerName: "shop-web",
        image,
        entrypoint: ["/entry"],
        command: ["serve", "--loud"],
        environment: { MODE: "x=y" },
        files: [{ volume: files, target: "/run/keys" }],
        mounts: [
          { source: new Volume("data", { volumeName: "shop-data" }, options), target: "/data" },
          { source: "/srv/shop/", target: "/srv", readOnly: true },
        ],
        networks: [{ network, aliases: ["web", "shop-web"] }],
        reachesHost: true,
        groupIds: [20],
        devices: ["/dev/ttyUSB0"],
        memory: 256,
        cpuShares: 512,
        cpus: 1.5,
        ports: [{ address: "127.0.0.1", hostPort: 8443, containerPort: 443 }],
        healthCheck: { command: ["check"], startPeriodSeconds: 90 },
        operations: { version: 1, shell: ["bash"] },
      },
      options,
    );
  });
  return named(recorded, "web-container").inputs;
}

const image: InspectedImage = {
  Config: {
    Env: ["PATH=/bin", "MODE=of the image"],
    Labels: { "org.opencontainers.image.version": "1" },
    Volumes: { "/data": {}, "/cache": {} },
    Cmd: ["of the image"],
  },
};

const id = `0123456789ab${"0".repeat(52)}`;

/** What Docker says of that service's container. */
async function inspected(): Promise<InspectedContainer> {
  const inputs = await serviceInputs();
  const labels = inputs["labels"] as { label: string; value: string }[];
  const keys = (inputs["volumes"] as { volumeName: string }[])[2]?.volumeName ?? "";
  return {
    Id: id,
    Name: "/shop-web",
    Created: "2026-01-31T12:00:00Z",
    Image: imageId("shop:1"),
    State: { Status: "running", Running: true },
    Config: {
      Hostname: "shop-web",
      User: "5:6",
      Env: ["MODE=x=y", "TZ=UTC", "PATH=/bin"],
      Cmd: ["serve", "--loud"],
      Entrypoint: ["/entry"],
      Labels: {
        "org.opencontainers.image.version": "1",
        ...Object.fromEntries(labels.map(({ label, value }) => [label, value])),
      },
      Healthcheck: { Test: ["CMD", "check"], Interval: 5e9, Timeout: 5e9, StartPeriod: 90e9, Retries: 3 },
      StopSignal: "SIGTERM",
      StopTimeout: 60,
    },
    HostConfig: {
      NetworkMode: "bridge",
      PortBindings: { "443/tcp": [{ HostIp: "127.0.0.1", HostPort: "8443" }] },
      RestartPolicy: { Name: "unless-stopped", MaximumRetryCount: 0 },
      AutoRemove: false,
      LogConfig: { Type: "json-file", Config: { "max-file": "5", "max-size": "10m" } },
      CapAdd: null,
      CapDrop: ["ALL"],
      Privileged: false,
      PidMode: "",
      ExtraHosts: ["host.docker.internal:host-gateway"],
      GroupAdd: ["20"],
      ReadonlyRootfs: true,
      SecurityOpt: ["no-new-privileges"],
      Tmpfs: { "/tmp": "uid=5,gid=6" },
      CpuShares: 512,
      CpuPeriod: 100_000,
      CpuQuota: 150_000,
      NanoCpus: 0,
      Memory: 256 * 1024 ** 2,
      Devices: [{ PathOnHost: "/dev/ttyUSB0", PathInContainer: "/dev/ttyUSB0", CgroupPermissions: "rw" }],
    },
    Mounts: [
      { Type: "volume", Name: "shop-data", Source: "/var/lib/docker/1", Destination: "/data", RW: true },
      { Type: "bind", Source: "/srv/shop", Destination: "/srv", RW: false },
      { Type: "volume", Name: keys, Source: "/var/lib/docker/2", Destination: "/run/keys", RW: false },
      { Type: "volume", Name: "f".repeat(64), Source: "/var/lib/docker/3", Destination: "/cache", RW: true },
    ],
    NetworkSettings: { Networks: { "shop-net": { Aliases: ["web", "0123456789ab", "shop-web"] } } },
  };
}

async function compared(there: InspectedContainer, inputs?: Record<string, unknown>) {
  const declared = declaredFacts(inputs ?? (await serviceInputs()), image);
  return differencesBetween(declared, presentFacts(there, declared, image), new Set(["hidden"]));
}

describe("what is compared of a container", () => {
  it("is equal where it is as declared", async () => {
    assert.deepEqual(await compared(await inspected()), []);
  });

  it("is every input that Docker knows", async () => {
    const inputs = await serviceInputs();
    const facts = JSON.stringify([...declaredFacts(inputs, image)]);
    const without = Object.keys(inputs).filter((key) => {
      const { [key]: left, ...others } = inputs;
      assert.notEqual(left, undefined);
      return JSON.stringify([...declaredFacts({ image: "", ...others }, image)]) === facts;
    });
    // The provider's own, one that is compared by itself, and two that are Docker's and the kernel's defaults.
    const left = ["cpuPeriod", "destroyGraceSeconds", "name", "networkMode", "removeVolumes", "stopSignal"];
    assert.deepEqual(without.sort(), left);
  });

  const changed: [string, (info: InspectedContainer) => void, string][] = [
    ["image", (info) => (info.Image = "sha256:0123456789abcdef"), "there is sha256:0123456789ab"],
    ["user", ({ Config: config }) => (config.User = "0:0"), "declared is 5:6, there is 0:0"],
    ["command", ({ Config: config }) => (config.Cmd = ["sleep"]), 'there is ["sleep"]'],
    ["entry point", ({ Config: config }) => (config.Entrypoint = null), "there is (none)"],
    ["hostname", ({ Config: config }) => (config.Hostname = "other"), "there is other"],
    ["environment variable PATH", ({ Config: config }) => config.Env?.pop(), "declared is /bin, but it is missing"],
    [
      "environment variable A",
      ({ Config: config }) => config.Env?.push("A=b"),
      "not declared, but there is (not shown)",
    ],
    ["environment variable TZ", ({ Config: config }) => (config.Env = ["MODE=x=y", "TZ=CET", "PATH=/bin"]), "is CET"],
    ["label x", ({ Config: config }) => Object.assign(config.Labels ?? {}, { x: "is hidden" }), "there is (secret)"],
    ["groups", ({ HostConfig: host }) => (host.GroupAdd = null), 'declared is ["20"], there is (none)'],
    ["device /dev/sda", ({ HostConfig: host }) => host.Devices?.push(disk), "there is /dev/sda (rwm)"],
    ["root file system", ({ HostConfig: host }) => (host.ReadonlyRootfs = false), "there is writable"],
    ["privileges", ({ HostConfig: host }) => (host.Privileged = true), "there is privileged; capabilities: none added"],
    ["privileges", ({ HostConfig: host }) => (host.CapAdd = ["CAP_SYS_ADMIN"]), "capabilities: SYS_ADMIN added"],
    ["security options", ({ HostConfig: host }) => (host.SecurityOpt = null), "there is (none)"],
    ["folder in memory /tmp", ({ HostConfig: host }) => (host.Tmpfs = {}), "but it is missing"],
    [
      "mount at /srv",
      ({ Mounts: mounts = [] }) => Object.assign(mounts[1] ?? {}, { RW: true }),
      "is /srv/shop, writable",
    ],
    ["mount at /data", ({ Mounts: mounts }) => mounts?.shift(), "declared is shop-data, writable, but it is missing"],
    ["network mode", ({ HostConfig: host }) => (host.NetworkMode = "host"), "declared is bridge, there is host"],
    ["network shop-net", ({ NetworkSettings: all }) => (all.Networks = { "shop-net": {} }), "there is no aliases"],
    ["network bridge", ({ NetworkSettings: all }) => Object.assign(all.Networks ?? {}, { bridge: {} }), "not declared"],
    ["host name host.docker.internal", ({ HostConfig: host }) => (host.ExtraHosts = []), "but it is missing"],
    ["memory", ({ HostConfig: host }) => (host.Memory = 0), "declared is 256 MiB, there is unlimited"],
    ["processors", ({ HostConfig: host }) => (host.NanoCpus = 5e8), "declared is 1.5, there is 0.5"],
    ["processors", ({ HostConfig: host }) => (host.CpuQuota = 25_000), "declared is 1.5, there is 0.25"],
    ["processors", ({ HostConfig: host }) => (host.CpuQuota = 0), "declared is 1.5, there is unlimited"],
    ["share of the processors", ({ HostConfig: host }) => (host.CpuShares = 0), "declared is 512, there is 1024"],
    ["stop signal", ({ Config: config }) => (config.StopSignal = "SIGINT"), "there is SIGINT"],
    ["seconds to stop", ({ Config: config }) => (config.StopTimeout = null), "there is (empty)"],
    ["log", ({ HostConfig: host }) => (host.LogConfig = { Type: "none" }), "there is none"],
    ["restart policy", ({ HostConfig: host }) => (host.RestartPolicy = { Name: "" }), "there is no"],
    ["published port 443/tcp", ({ HostConfig: host }) => (host.PortBindings = null), "declared is 127.0.0.1:8443, but"],
    ["health check", ({ Config: config }) => (config.Healthcheck = null), "there is (none)"],
    ["state", (info) => (info.State = { Status: "exited", Running: false }), "declared is running, there is exited"],
    ["state", (info) => (info.State = { Status: "paused", Running: true, Paused: true }), "there is paused"],
  ];
  const disk = { PathOnHost: "/dev/sda", PathInContainer: "/dev/sda", CgroupPermissions: "rwm" };
  for (const [what, change, words] of changed) {
    it(`tells of another ${what}: ${words}`, async () => {
      const there = await inspected();
      change(there);
      const [difference, ...others] = await compared(there);
      assert.deepEqual(others, []);
      assert.equal(difference?.what, what);
      assert.ok(inWords(difference).includes(words), inWords(difference));
    });
  }

  it("leaves out what is nobody's to declare", async () => {
    const { name, image: of } = await serviceInputs();
    const bare = { name, image: of, mustRun: false };
    const there = await inspected();
    const empty = { Config: {}, HostConfig: { NetworkMode: "default" }, Mounts: [] };
    const networks = { NetworkSettings: { Networks: { bridge: { Aliases: null } } } };
    assert.deepEqual(
      differencesBetween(
        declaredFacts(bare, {}),
        presentFacts({ ...there, ...empty, ...networks }, declaredFacts(bare, {}), {}),
        new Set(),
      ),
      [],
    );
  });
});

describe("what a stack declares", () => {
  const secret = (value: unknown) => ({
    "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
    plaintext: JSON.stringify(value),
  });
  const urn = (type: string, name: string) => `urn:pulumi:dev::slipway::${type}::${name}`;

  it("is read from the state, with all that is secret in it", () => {
    const uploads = [{ file: "/files/key", content: "k1" }];
    const resources = [
      {
        urn: urn("slipway:index:Host$random:index/randomId:RandomId", "host-state"),
        type: "random:index/randomId:RandomId",
        outputs: { hex: stateId },
      },
      {
        urn: urn("docker:index/volume:Volume", "keys-volume"),
        type: "docker:index/volume:Volume",
        inputs: { name: "shop-keys-1" },
      },
      {
        urn: urn("docker:index/container:Container", "keys-carrier"),
        type: "docker:index/container:Container",
        id: "1",
        inputs: { name: "shop-keys", uploads: secret(uploads), volumes: [{ volumeName: "shop-keys-1" }] },
      },
      {
        urn: urn("random:index/randomPassword:RandomPassword", "password"),
        type: "random:index/randomPassword:RandomPassword",
        outputs: { result: secret("p1") },
      },
      {
        urn: urn("docker:index/container:Container", "old"),
        type: "docker:index/container:Container",
        id: "2",
        delete: true,
        inputs: { name: "old" },
      },
    ];
    const declared = parseDeclared(JSON.stringify({ deployment: { resources } }));
    assert.equal(declared.stateId, stateId);
    assert.deepEqual([...declared.leaving], ["2"]);
    assert.deepEqual([...declared.volumes], [["shop-keys-1", urn("docker:index/volume:Volume", "keys-volume")]]);
    assert.deepEqual([...declared.secrets].sort(), ["/files/key", "k1", "p1"]);
    assert.deepEqual(declared.containers, [
      {
        urn: urn("docker:index/container:Container", "keys-carrier"),
        id: "1",
        name: "shop-keys",
        inputs: { name: "shop-keys", uploads, volumes: [{ volumeName: "shop-keys-1" }] },
      },
    ]);
    assert.deepEqual(declared.containers.map(carriedVolume), ["shop-keys-1"]);
    assert.deepEqual(parseDeclared('{"deployment":{}}').containers, []);
  });

  it("is replaced under another name where it exists beside the one that it replaces", () => {
    const service = (type: string, name: string) => urn(`slipway:index:Service$${type}`, name);
    const [container, revision] = ["docker:index/container:Container", "random:index/randomId:RandomId"];
    const resources = ["web-revision", "web-revision-2", "web-healthy"].map((name) => ({
      urn: service(revision, name),
      type: revision,
    }));
    const declared = parseDeclared(JSON.stringify({ deployment: { resources } }));
    for (const [name, replaced] of [
      ["web-container", service(revision, "web-revision")],
      ["web-container-2", service(revision, "web-revision-2")],
      ["other-container", service(container, "other-container")],
    ] as const) {
      assert.equal(replacedBy(service(container, name), declared), replaced);
    }
    const volume = service("docker:index/volume:Volume", "web-volume");
    assert.equal(replacedBy(volume, declared), service(revision, "web-revision"));
  });
});

describe("drift", () => {
  /** A carrier of one file, as `FileVolume` declares it. */
  async function carrier(): Promise<Declared> {
    const recorded = await recordOnHost((host, options) => {
      const made = new Image("image", { host, source: { pull: "shop:1" } }, options);
      const owner = { host, system: "shop", userId: 5, groupId: 6 };
      new FileVolume("keys", { ...owner, image: made, carrierName: "shop-keys", files: { key: "k1" } }, options);
    });
    const inputs = {
      ...named(recorded, "keys-carrier").inputs,
      uploads: [{ file: "/files/key", content: "k1", permissions: "0400" }],
    };
    const volume = String(named(recorded, "keys-volume").inputs["name"]);
    return {
      containers: [{ urn: "urn of the carrier", id, name: "shop-keys", inputs }],
      revisions: new Set(),
      leaving: new Set(["e3"]),
      volumes: new Map([[volume, "urn of the volume"]]),
      stateId,
      secrets: new Set(["k1"]),
    };
  }

  async function inspectedCarrier(): Promise<Partial<InspectedContainer>> {
    const { volumes } = await carrier();
    const [volume = ""] = volumes.keys();
    const owner = { "slipway.state": stateId, "slipway.stack": "unit", "slipway.system": "shop" };
    return {
      Id: id,
      Name: "/shop-keys",
      Created: "2026-01-31T12:00:00Z",
      Image: imageId("shop:1"),
      State: { Status: "created", Running: false },
      Config: { Entrypoint: ["/never-started"], Labels: owner },
      HostConfig: { NetworkMode: "none", RestartPolicy: { Name: "no" }, LogConfig: { Type: "none" } },
      Mounts: [{ Type: "volume", Name: volume, Destination: "/files", RW: true }],
      NetworkSettings: { Networks: { none: {} } },
    };
  }

  interface Entry {
    name: string;
    content: string;
    mode?: number;
    uid?: number;
  }

  async function archive(entries: Entry[]): Promise<Buffer> {
    const pack = tar.pack();
    pack.entry({ name: "files/", type: "directory" });
    for (const { name, content, mode = 0o400, uid = 5 } of entries) {
      pack.entry({ name: `files/${name}`, mode, uid, gid: 6 }, content);
    }
    pack.finalize();
    return buffer(pack);
  }

  async function found(declared: Declared, entries: Entry[], others: Record<string, { body: unknown }> = {}) {
    const docker = await dockerStub({
      [`GET /containers/${id}/json`]: { body: await inspectedCarrier() },
      [`GET /images/${imageId("shop:1")}/json`]: { body: {} },
      [`GET /containers/${id}/archive`]: { body: await archive(entries) },
      "GET /containers/json": { body: [] },
      ...others,
    });
    try {
      return await findDrift(docker.client, declared);
    } finally {
      await docker.close();
    }
  }

  it("is none where generated files are as they were", async () => {
    assert.deepEqual(await found(await carrier(), [{ name: "key", content: "k1" }]), []);
  });

  it("is every file that is another, and makes its volume anew", async () => {
    const good = { name: "key", content: "k1" };
    const cases: [Entry[], string][] = [
      [[{ ...good, content: "k2" }], "file key: declared is as it was generated, there is with another content"],
      [[], "file key: declared is as it was generated, but it is missing"],
      [[{ ...good, mode: 0o644 }], "file key: declared is mode 0400, there is mode 0644"],
      [[{ ...good, uid: 0 }], "file key: declared is for its service's user, there is of the user 0:6"],
      [[good, { name: "more", content: "" }], "file more: not declared, but there is a file that was not generated"],
    ];
    for (const [entries, words] of cases) {
      const drifts = await found(await carrier(), entries);
      assert.deepEqual(driftLines(drifts), ["shop-keys:", `  ${words}`]);
      assert.deepEqual(driftedUrns(drifts), ["urn of the volume"]);
    }
  });

  it("is a container that is missing, another of its name, or one that nobody declared", async () => {
    const declared = await carrier();
    const [own] = declared.containers;
    assert.ok(own);
    const missing = { ...declared, containers: [{ ...own, id: "gone", name: "shop-gone" }] };
    const [drift] = await found(missing, []);
    assert.deepEqual(drift, {
      container: "shop-gone",
      foreign: false,
      undeclared: false,
      differences: [{ what: "container", declared: "shop-gone" }],
    });
    assert.deepEqual(driftedUrns([drift]), []);

    const listed = [
      { Id: "e1", Names: ["/shop-extra"] },
      { Id: "e2", Names: ["/shop-web-run-1"] },
      { Id: "e3", Names: ["/shop-web-former"] },
    ];
    const recreated = await found({ ...declared, containers: [{ ...own, id: "gone" }] }, [], {
      "GET /containers/shop-keys/json": { body: await inspectedCarrier() },
      "GET /containers/json": { body: listed },
      "GET /containers/e1/json": { body: { Name: "/shop-extra", HostConfig: {} } },
      "GET /containers/e2/json": { body: { Name: "/shop-web-run-1", HostConfig: { AutoRemove: true } } },
    });
    assert.deepEqual(driftLines(recreated), [
      "shop-extra:",
      "  container: not declared, but there is shop-extra",
      "shop-keys:",
      "  container: declared is made by the last deployment, there is another one, made at 2026-01-31T12:00:00Z",
    ]);
    assert.deepEqual(driftedUrns(recreated), []);
    assert.deepEqual(
      recreated.map(({ foreign, undeclared }) => [foreign, undeclared]),
      [
        [false, true],
        [true, false],
      ],
    );
  });
});
