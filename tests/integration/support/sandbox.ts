import { randomBytes } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { parseDocument, stringify } from "yaml";
import { siteOf } from "../../../cli/site.ts";
import { releaseImages } from "../../../cli/upgrade/kept-images.ts";
import { projectRoot } from "../../../toolchain/root.js";
import { dockerClient } from "../../../settings/docker-client.ts";
import { ownDocker, removeAll } from "./docker.ts";
import { endProcessesOf } from "./process-table.ts";
import { assertExit, start, type Result, type Running, type StartOptions } from "./processes.ts";

/** What is no part of a fresh clone. */
const leftOut = new Set(["node_modules", ".cache", ".git", ".stacks"]);

/**
 * A clone of its own, in a folder of another name than the repository's, with a user's folder of its own. Every name in
 * Docker that a test makes there has to begin with its prefix: by that, all is removed at the end.
 */
export class Sandbox {
  /** Unique on the machine; letters and digits. */
  readonly prefix = `slw${randomBytes(3).toString("hex")}`;
  readonly folder = mkdtempSync(join(tmpdir(), `${this.prefix}-`));
  readonly clone = join(this.folder, "another-name");
  /** The user's folder. */
  readonly home = join(this.folder, "home");
  /** The environment of every command. */
  readonly env: NodeJS.ProcessEnv = { ...process.env, SLIPWAY_HOME: this.home };
  /** The machine's own Docker engine. */
  readonly docker = dockerClient(ownDocker);
  readonly #pulumiEnvironments = new Map<string, NodeJS.ProcessEnv>();

  /**
   * @param program the program to deploy, relative to the root of the clone. Default: the clone's own `index.ts`
   */
  constructor({ program }: { program?: string } = {}) {
    cpSync(projectRoot, this.clone, {
      recursive: true,
      // The command slipway is a link within the clone.
      verbatimSymlinks: true,
      filter: (source) => !leftOut.has(relative(projectRoot, source)),
    });
    symlinkSync(join(projectRoot, "node_modules"), join(this.clone, "node_modules"));
    if (program !== undefined) {
      const file = join(this.clone, "Pulumi.yaml");
      const project = parseDocument(readFileSync(file, "utf8"));
      project.set("main", program);
      writeFileSync(file, project.toString());
    }
  }

  stackFile(stack: string): string {
    return join(this.home, "stacks", `Pulumi.${stack}.yaml`);
  }

  /** Writes a stack's file before it is first deployed. The keys are full ones, such as `slipway:camcops`. */
  writeStackFile(stack: string, config: Record<string, unknown>): void {
    mkdirSync(join(this.home, "stacks"), { recursive: true, mode: 0o700 });
    writeFileSync(this.stackFile(stack), stringify({ config }, { lineWidth: 0 }), { mode: 0o600 });
  }

  /** Sets keys of a stack's file, and leaves everything else as it is. Undefined takes a key away. */
  editStackFile(stack: string, config: Record<string, unknown>): void {
    const document = parseDocument(readFileSync(this.stackFile(stack), "utf8"));
    for (const [key, value] of Object.entries(config)) {
      if (value === undefined) document.deleteIn(["config", key]);
      else document.setIn(["config", key], document.createNode(value));
    }
    writeFileSync(this.stackFile(stack), document.toString({ lineWidth: 0 }));
  }

  /** Starts a program in the clone, such as `./slipway` or `docker`. */
  start(command: string, args: readonly string[], options: Omit<StartOptions, "cwd"> = {}): Running {
    return start(command, args, { ...options, cwd: this.clone, env: { ...this.env, ...options.env } });
  }

  /** Runs a program in the clone to its end. */
  run(command: string, args: readonly string[], options: Omit<StartOptions, "cwd"> = {}): Promise<Result> {
    return this.start(command, args, options).ended;
  }

  /** Runs `./slipway` to its end. */
  slipway(args: readonly string[]): Promise<Result> {
    return this.run("./slipway", args);
  }

  /** Starts the Pulumi CLI in the environment that `eval "$(./slipway env)"` sets. */
  async startPulumi(stack: string, args: readonly string[], input?: string): Promise<Running> {
    const env = await this.pulumiEnvironment(stack);
    return this.start("pulumi", [...args, "--non-interactive", "--color", "never"], {
      env,
      ...(input !== undefined && { input }),
    });
  }

  /** Runs the Pulumi CLI to its end in the environment that `eval "$(./slipway env)"` sets. */
  async pulumi(stack: string, args: readonly string[], input?: string): Promise<Result> {
    return (await this.startPulumi(stack, args, input)).ended;
  }

  /** The environment that `eval "$(./slipway env)"` sets. */
  async pulumiEnvironment(stack: string): Promise<NodeJS.ProcessEnv> {
    const known = this.#pulumiEnvironments.get(stack);
    if (known !== undefined) return known;
    const script = `variables=$(./slipway env --stack '${stack}') && eval "$variables" && exec env --null`;
    const { stdout } = assertExit(await this.run("sh", ["-c", script]), 0);
    const variables = stdout
      .split("\0")
      .map((entry) => entry.split(/=(.*)/s))
      .filter(([name]) => name !== "");
    const env = Object.fromEntries(variables) as NodeJS.ProcessEnv;
    this.#pulumiEnvironments.set(stack, env);
    return env;
  }

  #deployedStacks(): string[] {
    const folder = join(this.home, "deployments");
    return existsSync(folder) ? readdirSync(folder) : [];
  }

  /**
   * Ends what still runs, and removes what was made in Docker (containers, networks and volumes by the prefix, names of
   * images) and the user's folder, as if the machine were another one.
   */
  async loseMachine(): Promise<void> {
    endProcessesOf(this.home);
    await removeAll(this.docker, this.prefix);
    for (const stack of this.#deployedStacks()) await releaseImages(this.docker, siteOf({ stack, home: this.home }));
    rmSync(this.home, { recursive: true, force: true });
  }

  /** Removes everything. */
  async remove(): Promise<void> {
    await this.loseMachine();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
