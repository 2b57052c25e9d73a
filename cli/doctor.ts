import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type Docker from "dockerode";
import { label } from "../components/labels.ts";
import { dockerClient } from "../settings/docker-client.ts";
import { parseStack } from "../settings/parse.ts";
import { preflight } from "../settings/preflight.ts";
import { readStackFile } from "../settings/stack-file.ts";
import { BASE_IMAGE } from "../toolchain/base-image.js";
import { buildId, builtFolder, PULUMI_VERSION } from "../toolchain/build-pulumi.js";
import { localSocket, willStartAtBoot } from "../toolchain/docker.js";
import { installedVersion } from "../toolchain/node-modules.js";
import { isSuitable } from "../toolchain/pulumi.js";
import { projectRoot } from "../toolchain/root.js";
import { run, which } from "../toolchain/run.js";
import { certificatesOf } from "./docker/certificates.ts";
import { scheduleLine } from "./backup/scheduled/schedule-report.ts";
import { scheduleOf } from "./backup/scheduled/schedules-of.ts";
import { underWay } from "./deployment/command-lock.ts";
import { listMembers } from "./docker/containers.ts";
import { whyNothing } from "./docker/deployed.ts";
import { dockerDisk } from "./docker/disk.ts";
import { engineProblem } from "./docker/docker.ts";
import { exitCode, Failure } from "./failure.ts";
import { prepare } from "./deployment/prepare.ts";
import { commandLine, dockerHost, siteOf, type CommonOptions, type Site } from "./site.ts";
import { readState } from "./deployment/state.ts";
import { deploymentProblems, isDeployed, leftUnfinished } from "./status.ts";
import { coloured, say } from "./terminal/terminal.ts";

/** What is done before the checks, and how their findings are printed. */
export interface DoctorOptions extends CommonOptions {
  json?: boolean;
  /** Makes the machine ready first. */
  fix: boolean;
}

/** What one check found. */
export interface Finding {
  about: string;
  result: "ok" | "warn" | "fail";
  /** What was found and, where it is not well, what to type. */
  message: string;
}

const gibibyte = 1024 ** 3;
/** Images, builds and a database's growth, in bytes. */
const enoughSpace = 10 * gibibyte;
const hardlyAnySpace = 2 * gibibyte;

const ok = (about: string, message: string): Finding => ({ about, result: "ok", message });
const warn = (about: string, message: string): Finding => ({ about, result: "warn", message });
const fail = (about: string, message: string): Finding => ({ about, result: "fail", message });

/** Checks machine, settings and deployment, and says what to type where something is wrong. */
export async function doctor(options: DoctorOptions): Promise<void> {
  if (options.fix) await prepare(options, { docker: true, pulumi: true, baseImage: true });
  const site = siteOf(options);
  const findings = [
    ok("Node", `${process.version}, pinned`),
    ...home(site, options),
    await pulumiFinding(site, options),
    ...(await dockerFindings(site, options)),
    ...(await settingsFindings(site)),
  ];
  if (options.json === true) say(JSON.stringify(findings, undefined, 2));
  else for (const finding of findings) say(line(finding));
  if (findings.some(({ result }) => result === "fail")) {
    throw new Failure("Not everything is well.", exitCode.notGood);
  }
}

function line({ about, result, message }: Finding): string {
  const colour = { ok: "green", warn: "yellow", fail: "red" } as const;
  return `${coloured(colour[result], result.padEnd(4))}  ${about}: ${message.replaceAll("\n", "\n      ")}`;
}

function home({ folders: { stacks, state, passphraseFile } }: Site, options: CommonOptions): Finding[] {
  if (!existsSync(passphraseFile)) {
    return [warn("Home", `${state} is made at the first deployment: ${commandLine("up", options)}`)];
  }
  const open = [stacks, state, passphraseFile].filter(
    (path) => existsSync(path) && (statSync(path).mode & 0o077) !== 0,
  );
  if (open.length === 0) {
    return [
      ok("Home", `settings in ${stacks}, state in ${state}, passphrase in ${passphraseFile}; back them up together`),
    ];
  }
  return open.map((path) => fail("Home", `${path} can be read by other users. Type: chmod go-rwx '${path}'`));
}

async function pulumiFinding({ folders: { cache } }: Site, options: CommonOptions): Promise<Finding> {
  const found = which("pulumi");
  const version = found === undefined ? undefined : (await run(found, ["version"])).trim();
  if (version !== undefined && isSuitable(version)) return ok("Pulumi", `${version}, ${String(found)}`);
  const downloaded = join(cache, "pulumi", PULUMI_VERSION);
  if (existsSync(downloaded)) return ok("Pulumi", `${PULUMI_VERSION}, downloaded to ${downloaded}`);
  const packages = ["docker", "random", "tls"];
  const versions = Object.fromEntries(packages.map((name) => [name, installedVersion(projectRoot, `@pulumi/${name}`)]));
  const built = builtFolder({ cache, id: buildId(versions), part: "cli" });
  if (existsSync(built)) return ok("Pulumi", `${PULUMI_VERSION}, built in ${built}`);
  const fix = commandLine("doctor --fix", options);
  return warn("Pulumi", `is provided at the first deployment. To get it now, type: ${fix}`);
}

async function dockerFindings(site: Site, options: CommonOptions): Promise<Finding[]> {
  const host = dockerHost(site);
  const client = dockerClient(host);
  const fix = commandLine("doctor --fix", options);
  const problem = await engineProblem(host, client, fix);
  if (problem !== undefined) return [fail("Docker", problem)];
  const { Version: version } = await client.version();
  const { starts, reason } = localSocket(host) === undefined ? { starts: true, reason: "" } : await willStartAtBoot();
  return [
    ok("Docker", `${version} at ${host}`),
    ...(starts ? [] : [warn("Docker at boot", `will not start: ${reason}`)]),
    ...(await spaceFinding(host, client)),
    await baseImageFinding(client, fix),
    ...(await deploymentFindings(site, client, options)),
  ];
}

async function spaceFinding(host: string, client: Docker): Promise<Finding[]> {
  const disk = await dockerDisk(host, client);
  if (disk === undefined) return [];
  const { folder, free } = disk;
  const message = `${(free / gibibyte).toFixed(1)} GiB free for Docker in ${folder}`;
  if (free >= enoughSpace) return [ok("Disk", message)];
  const finding = free >= hardlyAnySpace ? warn : fail;
  return [finding("Disk", `${message}. Make room; images that nothing uses go by: docker image prune`)];
}

async function baseImageFinding(client: Docker, fix: string): Promise<Finding> {
  try {
    const { Created: created } = await client.getImage(BASE_IMAGE).inspect();
    return ok("Base image", `${BASE_IMAGE}, of ${created.slice(0, 10)}`);
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode !== 404) throw error;
    return warn("Base image", `${BASE_IMAGE} is made when images are built. To make it now, type: ${fix}`);
  }
}

async function deploymentFindings(site: Site, client: Docker, options: CommonOptions): Promise<Finding[]> {
  const busy = underWay(site);
  if (busy !== undefined) return [fail("Deployment", busy)];
  const state = readState(site);
  const members = await listMembers(client, site.stack, state);
  if (!isDeployed(members, state)) {
    const broken = leftUnfinished(site, options);
    return broken.length > 0
      ? broken.map((problem) => fail("Deployment", problem))
      : [ok("Deployment", await whyNothing(client, site, options))];
  }
  const problems = await deploymentProblems(client, site, { members, state }, options);
  const up = commandLine("up", options);
  const certificates = (await certificatesOf(members, up)).map(({ service, daysLeft, validTo, advice }) => {
    const message = `of ${service}: valid until ${validTo.slice(0, 10)}, ${daysLeft} days left`;
    if (advice === undefined) return ok("Certificate", message);
    return (daysLeft < 0 ? fail : warn)("Certificate", `${message}; ${advice}`);
  });
  const scheduled = scheduleOf(members);
  return [
    ...(problems.length === 0 ? [ok("Deployment", `everything of the stack "${site.stack}" runs and is healthy`)] : []),
    ...problems.map((problem) => fail("Deployment", problem)),
    ...certificates,
    ...(scheduled === undefined ? [] : [ok("Backups", scheduleLine(scheduled))]),
  ];
}

async function settingsFindings(site: Site): Promise<Finding[]> {
  if (!existsSync(site.stackFile)) {
    return [ok("Settings", `${site.stackFile} is made at the first deployment, from this clone's example`)];
  }
  try {
    const settings = parseStack(readStackFile(site.stack, readFileSync(site.stackFile, "utf8")));
    const stateId = readState(site)?.stateId;
    const { problems, warnings } = await preflight(settings, dockerClient(settings.host), {
      stack: site.stack,
      labels: { [label.stack]: site.stack, ...(stateId !== undefined && { [label.state]: stateId }) },
    });
    const others = problems.filter(({ key }) => key !== "host"); // Docker has findings of its own.
    return [
      ...(others.length === 0 ? [ok("Settings", site.stackFile)] : []),
      ...others.map(({ key, message, received, remedy }) =>
        fail("Settings", [`${key} ${message}.`, `received: ${received}`, ...remedy].join("\n")),
      ),
      ...warnings.map((warning) => warn("Settings", warning)),
    ];
  } catch (error) {
    return [fail("Settings", (error as Error).message)];
  }
}
