import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../toolchain/root.js";
import { run } from "../toolchain/run.js";

/**
 * A service's container as the deployed stack declares it: the inputs of @pulumi/docker's `Container`.
 *
 * @typedef {object} Container
 * @property {string} name
 * @property {string} hostname
 * @property {string} image - its id
 * @property {string[]} [envs]
 * @property {{ label: string, value: string }[]} labels
 * @property {string} user
 * @property {Record<string, string>} tmpfs - options by path
 * @property {{ containerPath: string, readOnly?: boolean, volumeName?: string, hostPath?: string }[]} volumes
 * @property {{ name: string, aliases?: string[] }[]} networksAdvanced
 * @property {{ host: string, ip: string }[]} [hosts]
 * @property {number} memory - in MiB
 * @property {number} cpuShares
 * @property {string} stopSignal
 * @property {number} stopTimeout - in seconds
 * @property {string} logDriver
 * @property {Record<string, string>} logOpts
 * @property {string} restart
 * @property {{ ip: string, internal: number, external: number }[]} ports
 * @property {{ timeout: string, retries: number, startPeriod: string }} healthcheck
 */

/**
 * What a deployed stack consists of, as far as its peers have the same.
 *
 * @typedef {object} Deployment
 * @property {string} host - the Docker engine's URL
 * @property {number} resources - how many resources the stack has in all
 * @property {Container[]} containers - of its services
 * @property {{ name: string, internal: boolean }[]} networks
 * @property {{ name: string, imageId: string }[]} images
 */

/**
 * @typedef {object} Resource
 * @property {string} type
 * @property {string} [parent]
 * @property {any} inputs
 * @property {any} outputs
 */

/**
 * The environment of plain `pulumi` on a user's stack, as `./slipway env` sets it in a shell.
 *
 * @param {string[]} options - of `./slipway env`
 * @returns {Promise<NodeJS.ProcessEnv>}
 */
export async function pulumiEnvironment(options) {
  const script = 'assignments=$(./slipway env "$@") && eval "$assignments" && exec env -0';
  const output = await run("sh", ["-c", script, "sh", ...options], { cwd: projectRoot });
  return Object.fromEntries(
    output
      .split("\0")
      .filter((line) => line !== "")
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
}

/**
 * @param {any} inputs
 * @returns {any} without the notes of Pulumi's bridge on what it filled in
 */
function declared(inputs) {
  return JSON.parse(JSON.stringify(inputs, (key, value) => (key === "__defaults" ? undefined : value)));
}

/**
 * Reads from Pulumi's state what is deployed.
 *
 * @param {NodeJS.ProcessEnv} env - from {@link pulumiEnvironment}
 * @param {string} folder - an empty one, for a file without secrets in plain text
 * @returns {Promise<Deployment>}
 * @throws where no service is deployed: says what to type
 */
export async function readDeployment(env, folder) {
  const file = join(folder, "state.json");
  await run("pulumi", ["stack", "export", "--file", file], { cwd: projectRoot, env });
  /** @type {Resource[]} */
  const resources = JSON.parse(readFileSync(file, "utf8")).deployment.resources ?? [];
  /** @param {string} type */
  const ofType = (type) => resources.filter((resource) => resource.type === type);
  const containers = ofType("docker:index/container:Container")
    .filter(({ parent }) => parent?.split("::")[2]?.endsWith("slipway:index:Service"))
    .map(({ inputs }) => declared(inputs));
  if (containers.length === 0) {
    throw new Error(
      `Nothing to compare with: no service is deployed. Type: ./slipway up --stack ${env.PULUMI_STACK ?? "dev"}`,
    );
  }
  return {
    host: ofType("pulumi:providers:docker")[0]?.inputs.host,
    resources: resources.length,
    containers,
    networks: ofType("docker:index/network:Network").map(({ inputs }) => inputs),
    images: ofType("docker:index/remoteImage:RemoteImage").map(({ inputs, outputs }) => ({
      name: inputs.name,
      imageId: outputs.imageId,
    })),
  };
}
