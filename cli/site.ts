import { existsSync, mkdirSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parse } from "yaml";
import { readStackFile } from "../settings/stack-file.ts";
import { folders, type Folders } from "../toolchain/home.js";
import { projectRoot } from "../toolchain/root.js";
import { Failure } from "./failure.ts";
import { quoted } from "./terminal/quoted.ts";

/** Name of the Pulumi project, as Pulumi.yaml has it. */
export const projectName = "slipway";

/** The stack that commands work on unless they are told. */
export const defaultStack = "dev";

const defaultDockerHost = "unix:///var/run/docker.sock";

/** What every command is told. */
export interface CommonOptions {
  stack: string;
  /** The user's folder. @default SLIPWAY_HOME; else the XDG folders */
  home?: string;
  yes: boolean;
}

/**
 * The home that somebody typed, as a full path: the commands that messages name are typed in the clone, wherever this one
 * was. npm runs its scripts in the clone, and says where it was called.
 */
export function homeTyped(home: string, env: NodeJS.ProcessEnv): string {
  const folder = env["npm_lifecycle_event"] === undefined ? undefined : env["INIT_CWD"];
  return resolve(folder ?? process.cwd(), home);
}

/** What to type to run a command on the same stack and home. */
export function commandLine(command: string, { stack, home }: Pick<CommonOptions, "stack" | "home">): string {
  const stackOption = stack === defaultStack ? "" : ` --stack ${stack}`;
  return `./slipway ${command}${stackOption}${home === undefined ? "" : ` --home ${quoted(home)}`}`;
}

/** Where the files of one stack are, outside every clone. All paths are absolute. */
export interface Site {
  stack: string;
  folders: Folders;
  /** The site's own settings of the stack. */
  stackFile: string;
  /** The stack's deployments: history, journal and lock. */
  deploymentsFolder: string;
  /** The programs of all stacks' deployments. */
  programsFolder: string;
  /** Who deployed the stack last, as versions without a history noted it. */
  recordFile: string;
}

/** Finds the files of a stack, whether they exist or not. */
export function siteOf({ stack, home }: Pick<CommonOptions, "stack" | "home">): Site {
  const own = folders({ home });
  const data = dirname(own.state);
  return {
    stack,
    folders: own,
    stackFile: join(own.stacks, `Pulumi.${stack}.yaml`),
    deploymentsFolder: join(data, "deployments", stack),
    programsFolder: join(data, "programs"),
    recordFile: join(data, "deployments", `${stack}.json`),
  };
}

/**
 * The text of a new stack file, made of the clone's example: the schema, named relative to the clone, is named by its
 * full path, and a stack that is no environment by its name gets one.
 */
export function stackFileFrom(example: string, options: { clone: string; environment?: string }): string {
  const text = example.replace(
    /^(# yaml-language-server: \$schema=)(?!\w+:)(\S+)/m,
    (_, start: string, schema: string) => start + resolve(options.clone, schema),
  );
  return options.environment === undefined ? text : withConfigValue(text, "environment", options.environment);
}

/**
 * The text of a stack file with one key of this project set. Nothing else changes: a parser that writes the file anew
 * would move the examples in its comments to where they mean something else.
 *
 * @throws Failure when the file is not laid out as Pulumi and the examples do it.
 */
export function withConfigValue(text: string, name: string, value: string): string {
  const key = `${projectName}:${name}`;
  const entry = `${key}: ${JSON.stringify(value)}`;
  const former = new RegExp(`^( +)["']?${key}["']?:.*$`, "m");
  const indent = /^config: *(?:#.*)?\n(?:\s*#.*\n|\s*\n)*( +)/m.exec(text)?.[1] ?? "  ";
  const changed = former.test(text)
    ? text.replace(former, (_, own: string) => own + entry)
    : text.replace(/^config: *(?:#.*)?$/m, (line) => `${line}\n${indent}${entry}`);
  const { config } = (parse(changed) ?? {}) as { config?: Record<string, unknown> };
  if (config?.[key] !== value)
    throw new Failure(`The stack file has no block "config:" in which to set ${entry}. Set it yourself.`);
  return changed;
}

/** Where the clone has the example of a stack, if it has one. */
function ownExample(stack: string): string {
  return join(projectRoot, `Pulumi.${stack}.yaml`);
}

/** Whether the clone has an example of this stack which needs no fitting to a site, as those for development do not. */
export function hasDeployableExample(stack: string): boolean {
  const example = ownExample(stack);
  if (!existsSync(example)) return false;
  return readStackFile(stack, readFileSync(example, "utf8")).values["environment"] === "dev";
}

/**
 * Copies the clone's example of a stack file to the user's folder unless the user has one.
 *
 * @returns whether it was copied.
 */
export function ensureStackFile({ stack, stackFile }: Site): boolean {
  if (existsSync(stackFile)) return false;
  const own = ownExample(stack);
  const example = existsSync(own) ? own : join(projectRoot, "Pulumi.dev.yaml");
  const text = stackFileFrom(readFileSync(example, "utf8"), {
    clone: projectRoot,
    ...(example !== own && { environment: "dev" }),
  });
  mkdirSync(dirname(stackFile), { recursive: true, mode: 0o700 });
  writeFileSync(stackFile, text, { mode: 0o600, flag: "wx" });
  return true;
}

/** Sets one key of this project in a stack's file. */
export function setInStackFile({ stackFile }: Site, name: string, value: string): void {
  writeFileSync(stackFile, withConfigValue(readFileSync(stackFile, "utf8"), name, value));
}

/**
 * The Docker engine that a stack's file names, be the rest of the file right or wrong.
 *
 * @throws YAMLParseError when the file is not YAML.
 */
export function dockerHost({ stack, stackFile }: Site): string {
  if (!existsSync(stackFile)) return defaultDockerHost;
  const { host } = readStackFile(stack, readFileSync(stackFile, "utf8")).values;
  return typeof host === "string" && host !== "" ? host : defaultDockerHost;
}

/** Lets plain `pulumi` in this clone find the user's stack files: Pulumi.yaml looks for them in `.stacks`. */
export function linkStackFiles({ folders: { stacks } }: Site): void {
  const link = join(projectRoot, ".stacks");
  try {
    if (readlinkSync(link) === stacks) return;
    rmSync(link);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EINVAL") {
      throw new Failure(
        `${link} is a folder or a file, but has to be a link to ${stacks}. Move what is in it there, and remove it.`,
      );
    }
    if (code !== "ENOENT") throw error;
  }
  symlinkSync(stacks, link);
}
