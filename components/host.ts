import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type Docker from "dockerode";
import { dockerClient } from "../settings/docker-client.ts";
import type { ServiceArgs } from "./service.ts";

export interface HostArgs {
  /** The engine's URL, as in `DOCKER_HOST`: `unix:///var/run/docker.sock`, `tcp://…` or `ssh://user@host`. */
  url: string;
}

/** One Docker engine, on which a stack's resources live. */
export class Host extends pulumi.ComponentResource {
  /** Hand this to every resource on the host, through `providers` of the component that owns them. */
  readonly provider: docker.Provider;

  /**
   * A name for the Pulumi state that owns this stack, generated once. Containers and networks carry it as a label, which
   * tells those a killed run of the same stack left behind from those that belong to somebody else.
   */
  readonly stateId: pulumi.Output<string>;

  /** What was declared on it, service by service: what a backup by schedule saves is told from it. */
  readonly services: ServiceArgs[] = [];

  readonly #url: string;

  constructor(name: string, args: HostArgs, opts?: pulumi.ComponentResourceOptions) {
    super("slipway:index:Host", name, {}, opts);
    this.#url = args.url;
    this.provider = new docker.Provider(`${name}-provider`, { host: args.url }, { parent: this });
    this.stateId = new random.RandomId(`${name}-state`, { byteLength: 8 }, { parent: this, protect: true }).hex;
    this.registerOutputs({ stateId: this.stateId });
  }

  /** A client for what the provider cannot do: builds, health and exit codes. */
  get client(): Docker {
    return dockerClient(this.#url);
  }
}
