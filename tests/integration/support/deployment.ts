import type Docker from "dockerode";
import { dockerClient } from "../../../settings/docker-client.ts";
import { containersOf, ownDocker } from "./docker.ts";
import { assertExit, type Result } from "./processes.ts";
import type { Sandbox } from "./sandbox.ts";

export interface DeploymentOptions {
  /** @default `dev` */
  stack?: string;
  /** @default `dev` */
  environment?: string;
  /** The key of the system. @default `camcops` */
  system?: string;
  /** What all names in Docker begin with, before a hyphen; begins with the sandbox's prefix. @default that */
  name?: string;
  /** URL of a Docker engine. @default the machine's own */
  host?: string;
  /** Settings of the system besides its name. @default none */
  settings?: Record<string, unknown>;
}

/** A stack in a sandbox, with one system. */
export class Deployment {
  readonly sandbox: Sandbox;
  readonly stack: string;
  /** What all names in Docker begin with, before a hyphen. */
  readonly name: string;
  /** The Docker engine that it is on. */
  readonly dockerUrl: string;
  readonly docker: Docker;
  readonly #key: string;
  readonly #settings: Record<string, unknown>;

  /** Writes the stack's file. */
  constructor(
    sandbox: Sandbox,
    {
      stack = "dev",
      environment = "dev",
      system = "camcops",
      name = sandbox.prefix,
      host = ownDocker,
      settings = {},
    }: DeploymentOptions = {},
  ) {
    this.sandbox = sandbox;
    this.stack = stack;
    this.name = name;
    this.dockerUrl = host;
    this.docker = dockerClient(host);
    this.#key = `slipway:${system}`;
    this.#settings = { ...settings, name };
    sandbox.writeStackFile(stack, {
      "slipway:environment": environment,
      "slipway:host": host,
      [this.#key]: this.#settings,
    });
  }

  /** Sets settings of the system. */
  set(settings: Record<string, unknown>): void {
    Object.assign(this.#settings, settings);
    this.sandbox.editStackFile(this.stack, { [this.#key]: this.#settings });
  }

  /** Sets an encrypted key as a user does. */
  async setSecret(key: string, value: string): Promise<void> {
    assertExit(await this.sandbox.pulumi(this.stack, ["config", "set", "--secret", key], value), 0);
  }

  slipway(...args: string[]): Promise<Result> {
    return this.sandbox.slipway([...args, "--stack", this.stack]);
  }

  pulumi(...args: string[]): Promise<Result> {
    return this.sandbox.pulumi(this.stack, args);
  }

  async up(): Promise<Result> {
    return assertExit(await this.slipway("up", "--yes"), 0);
  }

  async expectNoChanges(): Promise<void> {
    assertExit(await this.pulumi("preview", "--expect-no-changes"), 0);
  }

  /** Checks that nobody seems to have changed what nobody has changed. */
  async expectNoDrift(): Promise<void> {
    assertExit(await this.slipway("drift"), 0);
  }

  /** The containers by their names without the stack's. */
  async containers(): Promise<Map<string, Docker.ContainerInspectInfo>> {
    const containers = await containersOf(this.docker, `${this.name}-`);
    return new Map([...containers].map(([name, info]) => [name.slice(this.name.length + 1), info]));
  }

  /** The names of the containers that are others than before. */
  async replacedSince(before: ReadonlyMap<string, Docker.ContainerInspectInfo>): Promise<string[]> {
    const now = await this.containers();
    return [...now].flatMap(([name, { Id: id }]) => (before.get(name)?.Id === id ? [] : [name])).sort();
  }
}
