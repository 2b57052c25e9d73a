import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { Image } from "../../components/image.ts";
import { Network } from "../../components/network.ts";
import { SearchEngine, type SearchEngineArgs } from "../../components/search-engine.ts";
import { hardened } from "../hardened.ts";
import { described, named, recordOnHost, tree } from "../recorded.ts";
import { findSecrets } from "../secret-search.ts";

const password = `p@ss "w'rd\\`;

let search: SearchEngine | undefined;

async function recordSearchEngine(own: Partial<SearchEngineArgs> = {}) {
  const recorded = await recordOnHost((host, options) => {
    search = new SearchEngine(
      "search",
      {
        host,
        system: "shop",
        service: "elasticsearch",
        containerName: "shop_search",
        image: new Image("image", { host, source: { pull: "elasticsearch:8" } }, options),
        volumeName: "shop_indices",
        network: new Network("net", { host, system: "shop", networkName: "shop_net", kind: "internal" }, options),
        password: pulumi.secret(password),
        memory: 1025,
        ...own,
      },
      options,
    );
  });
  return recorded.filter(({ name }) => name.startsWith("search"));
}

describe("SearchEngine", () => {
  it("is a kept volume, a secret file and a service that publishes no port", async () => {
    const recorded = await recordSearchEngine();
    assert.deepEqual(tree(recorded), [
      ["slipway:index:SearchEngine", "search", undefined],
      ["slipway:index:Volume", "search-data", "search"],
      ["docker:index/volume:Volume", "search-data-volume", "search-data"],
      ["slipway:index:FileVolume", "search-files", "search"],
      ["docker:index/container:Container", "search-files-carrier", "search-files"],
      ["docker:index/volume:Volume", "search-files-volume", "search-files"],
      ["slipway:index:Service", "search-service", "search"],
      ["docker:index/container:Container", "search-service-container", "search-service"],
      ["random:index/randomId:RandomId", "search-service-healthy", "search-service"],
    ]);
    assert.deepEqual(named(recorded, "search-data-volume").options, {
      provider: "host-provider",
      protect: true,
      retainOnDelete: true,
    });
    const own = {
      "slipway.service": "elasticsearch",
      "slipway.operations": '{"version":1,"shell":["bash"]}',
      "slipway.files": named(recorded, "search-files-carrier").id,
    };
    const { healthcheck, ...inputs } = named(recorded, "search-service-container").inputs;
    assert.deepEqual(inputs, {
      ...hardened({ name: "shop_search", reference: "elasticsearch:8", user: 1000, own }),
      user: "1000:0",
      entrypoints: [
        "bash",
        "-c",
        "cp --recursive /usr/share/elasticsearch/config /tmp/config && exec docker-entrypoint.sh eswrapper",
      ],
      envs: [
        "TZ=UTC",
        "ELASTIC_PASSWORD_FILE=/run/secrets/password",
        "ES_JAVA_OPTS=-Xms512m -Xmx512m",
        "ES_PATH_CONF=/tmp/config",
        "discovery.type=single-node",
        "node.store.allow_mmap=false",
        "xpack.security.enabled=true",
        "xpack.security.http.ssl.enabled=false",
        "xpack.security.transport.ssl.enabled=false",
      ],
      tmpfs: { "/tmp": "uid=1000,gid=0", "/usr/share/elasticsearch/logs": "uid=1000,gid=0" },
      volumes: [
        { containerPath: "/usr/share/elasticsearch/data", readOnly: false, volumeName: "shop_indices" },
        {
          containerPath: "/run/secrets",
          readOnly: true,
          volumeName: named(recorded, "search-files-volume").inputs["name"],
        },
      ],
      networksAdvanced: [{ name: "shop_net", aliases: ["elasticsearch"] }],
      ports: [],
      memory: 1025,
      restart: "unless-stopped",
      stopTimeout: 120,
      destroyGraceSeconds: 120,
    });
    const { tests, ...times } = healthcheck as { tests: string[] };
    assert.match(tests.join(" "), /^CMD bash -c exec 3<>\/dev\/tcp\/127\.0\.0\.1\/9200; .*_cluster\/health/);
    assert.deepEqual(times, { interval: "5s", timeout: "5s", retries: 5, startPeriod: "5m0s" });
    assert.equal(search?.url, "http://elasticsearch:9200");
  });

  it("has its password in a file, and nowhere in plain text", async () => {
    const recorded = await recordSearchEngine();
    assert.deepEqual(named(recorded, "search-files-carrier").inputs["uploads"], {
      secret: [{ file: "/files/password", content: password, permissions: "0400" }],
    });
    const others = described(recorded).map((resource) => ({
      ...resource,
      inputs: { ...resource.inputs, uploads: [] },
    }));
    assert.deepEqual(findSecrets(others, [password]), []);
  });
});
