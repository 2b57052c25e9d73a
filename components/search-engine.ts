import * as pulumi from "@pulumi/pulumi";
import { FileVolume } from "./file-volume.ts";
import type { Host } from "./host.ts";
import type { Image } from "./image.ts";
import type { Network } from "./network.ts";
import { Service, type ServiceTerms } from "./service.ts";
import { Volume } from "./volume.ts";

/** The user and group that Elasticsearch runs as, in the official image and in `images/elasticsearch`. */
const elasticsearchUser = { userId: 1000, groupId: 0 };

const home = "/usr/share/elasticsearch";
const configFolder = "/tmp/config";
const passwordFile = "/run/secrets/password";

/** Elasticsearch writes into its configuration folder, and nothing else may be written but `/tmp`. */
const start = `cp --recursive ${home}/config ${configFolder} && exec docker-entrypoint.sh eswrapper`;

/** A request with a login, whose password is in no argument. */
const isHealthy =
  "exec 3<>/dev/tcp/127.0.0.1/9200; " +
  "printf 'GET /_cluster/health?wait_for_status=yellow&timeout=3s HTTP/1.0\\r\\nAuthorization: Basic %s\\r\\n\\r\\n' " +
  `"$(printf 'elastic:%s' "$(<${passwordFile})" | base64 --wrap=0)" >&3; grep --quiet ' 200 ' <&3`;

export interface SearchEngineArgs extends ServiceTerms {
  host: Host;
  system: string;
  /** The service's name, by which others on `network` reach it. */
  service: string;
  containerName: string;
  /** Elasticsearch 7 or 8, with the contract of its official image. */
  image: Image;
  /** Name of the volume that holds the indices. Caution: another name is another, empty search engine. */
  volumeName: string;
  /** Where its clients are. */
  network: Network;
  /** Password of the user `elastic`; another one is in force from the next start on. */
  password: pulumi.Output<string>;
}

/**
 * An Elasticsearch of one node, which asks for a password and speaks plain HTTP: it publishes no port. It uses half of its
 * memory for its heap, as Elastic advises, and maps no files, for which the host's kernel would have to be set.
 */
export class SearchEngine extends pulumi.ComponentResource {
  /** Where clients on its network find it. */
  readonly url: string;
  readonly userName = "elastic";

  constructor(name: string, args: SearchEngineArgs, opts?: pulumi.ComponentResourceOptions) {
    super("slipway:index:SearchEngine", name, {}, opts);
    const { host, system, service, containerName, image, memory, cpus, restart, logs, timeZone } = args;
    const child = { parent: this };
    const data = new Volume(`${name}-data`, { volumeName: args.volumeName }, child);
    const secrets = new FileVolume(
      `${name}-files`,
      {
        host,
        system,
        carrierName: `${containerName}-files`,
        image,
        ...elasticsearchUser,
        files: { password: args.password },
      },
      child,
    );
    const heap = `${Math.floor(memory / 2)}m`;
    new Service(
      `${name}-service`,
      {
        host,
        system,
        service,
        containerName,
        image,
        entrypoint: ["bash", "-c", start],
        environment: {
          ELASTIC_PASSWORD_FILE: passwordFile,
          ES_JAVA_OPTS: `-Xms${heap} -Xmx${heap}`,
          ES_PATH_CONF: configFolder,
          "discovery.type": "single-node",
          "node.store.allow_mmap": "false",
          "xpack.security.enabled": "true",
          "xpack.security.http.ssl.enabled": "false",
          "xpack.security.transport.ssl.enabled": "false",
        },
        files: [{ volume: secrets, target: "/run/secrets" }],
        mounts: [{ source: data, target: `${home}/data` }],
        writablePaths: ["/tmp", `${home}/logs`],
        networks: [{ network: args.network, aliases: [service] }],
        ...elasticsearchUser,
        memory,
        cpus,
        restart,
        logs,
        timeZone,
        stopGraceSeconds: 120,
        healthCheck: { command: ["bash", "-c", isHealthy], retries: 5, startPeriodSeconds: 300 },
        operations: { version: 1, shell: ["bash"] },
      },
      child,
    );
    this.url = `http://${service}:9200`;
    this.registerOutputs({ url: this.url });
  }
}
