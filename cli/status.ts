import type Docker from "dockerode";
import { certificatesOf, type CertificateStatus } from "./docker/certificates.ts";
import { complaint, listMembers, type Member } from "./docker/containers.ts";
import { scheduleLine, type ScheduleReport } from "./backup/scheduled/schedule-report.ts";
import { scheduledBackupProblems, scheduleOf } from "./backup/scheduled/schedules-of.ts";
import { readVerification, verificationLine, type Verification } from "./backup/verification.ts";
import { whyNothing } from "./docker/deployed.ts";
import { dockerOf } from "./docker/docker.ts";
import { exitCode, Failure } from "./failure.ts";
import { readJournal, unfinishedTakeOver } from "./moving-in/journal.ts";
import { commandLine, siteOf, type CommonOptions, type Site } from "./site.ts";
import { underWay } from "./deployment/command-lock.ts";
import { readLastUpdate, readState, type LastUpdate, type StoredState } from "./deployment/state.ts";
import { halfRestore } from "./upgrade/half-restore.ts";
import { unfinished } from "./upgrade/unfinished.ts";
import { coloured, remark, say, table, timeSpan } from "./terminal/terminal.ts";

/** How the status is printed. */
export interface StatusOptions extends CommonOptions {
  json?: boolean;
}

/** Says how a stack's services are. Needs neither Pulumi nor a deployment that succeeded. */
export async function status(options: StatusOptions): Promise<void> {
  const site = siteOf(options);
  const state = readState(site);
  const client = await dockerOf(site, options);
  const members = await listMembers(client, site.stack, state);
  const busy = underWay(site);
  const up = commandLine("up", options);
  const certificates = await certificatesOf(members, up);
  const backups = { scheduled: scheduleOf(members), verified: readVerification(site) };
  const problems = [
    ...(busy === undefined ? await deploymentProblems(client, site, { members, state }, options) : [busy]),
    ...certificates
      .filter(({ daysLeft }) => daysLeft < 0)
      .map(({ service }) => `${service}: its certificate has ended`),
    ...(backups.verified?.good === false
      ? [
          `the backup ${backups.verified.file} could not be restored; to verify another: ${commandLine("backup verify", options)}`,
        ]
      : []),
  ];

  if (options.json === true) {
    say(JSON.stringify({ ...statusJson(site.stack, members, certificates, problems), backups }, undefined, 2));
  } else {
    show(members, certificates, backups, { problems, isBusy: busy !== undefined }, options);
  }
  if (problems.length > 0) throw new Failure(`The stack "${site.stack}" is not well.`, exitCode.notGood);
}

/** What keeps a stack from being well that no command is changing; all else may be that command's doing. */
export async function deploymentProblems(
  client: Docker,
  site: Site,
  { members, state }: { members: readonly Member[]; state: StoredState | undefined },
  options: CommonOptions,
): Promise<string[]> {
  return [
    ...(isDeployed(members, state) ? [] : [await whyNothing(client, site, options)]),
    ...problemsOf(members, { state, lastUpdate: readLastUpdate(site) }, options),
    ...leftUnfinished(site, options),
  ];
}

/** Whether anything of a stack is there, or ought to be. */
export function isDeployed(members: readonly Member[], state: StoredState | undefined): boolean {
  return members.length > 0 || (state?.containers.length ?? 0) > 0;
}

/** The commands that were broken off while they changed a stack, and what to type. */
export function leftUnfinished(site: Site, options: CommonOptions): string[] {
  return [unfinished({ site, options }), halfRestore(site, options), unfinishedTakeOver(readJournal(site))].filter(
    (problem) => problem !== undefined,
  );
}

/** Everything that keeps a stack from being well. What somebody stopped is as it was wished, unless it takes backups by schedule. */
export function problemsOf(
  members: readonly Member[],
  { state, lastUpdate }: { state: StoredState | undefined; lastUpdate: LastUpdate | undefined },
  options: CommonOptions,
): string[] {
  const up = commandLine("up", options);
  const present = new Set(members.map(({ container }) => container));
  const missing = (state?.containers ?? []).filter(({ name, member }) => member !== undefined && !present.has(name));
  return [
    ...members.flatMap((member) => {
      const problem = member.stopped ? undefined : complaint(member);
      return problem === undefined ? [] : [`${member.name} (${member.container}): ${problem}`];
    }),
    ...missing.map(({ name, member }) => `${member ?? name} (${name}): its container is missing`),
    ...(lastUpdate !== undefined && lastUpdate.kind !== "destroy" && lastUpdate.result !== "succeeded"
      ? [`the last deployment, which ended at ${lastUpdate.time.toISOString()}, failed: ${up}`]
      : []),
    ...((state?.pending.length ?? 0) > 0 ? [`the last deployment was killed: ${up}`] : []),
    ...scheduledBackupProblems(members, new Date(), options),
  ];
}

function uptime({ state, startedAt }: Member): number | undefined {
  return state === "running" ? Date.now() - startedAt.getTime() : undefined;
}

function statusJson(stack: string, members: readonly Member[], certificates: CertificateStatus[], problems: string[]) {
  return {
    stack,
    good: problems.length === 0,
    problems,
    services: members
      .filter(({ kind }) => kind === "service")
      .map((member) => ({
        system: member.system,
        service: member.name,
        container: member.container,
        image: member.image,
        state: member.state,
        stopped: member.stopped,
        health: member.health ?? null,
        uptimeSeconds: Math.floor((uptime(member) ?? 0) / 1000),
        restarts: member.restarts,
        ports: member.ports,
      })),
    tasks: members
      .filter(({ kind }) => kind === "task")
      .map(({ system, name, container, image, state, exitCode: code, finishedAt }) => ({
        system,
        task: name,
        container,
        image,
        state,
        exitCode: code,
        finishedAt: finishedAt.toISOString(),
      })),
    certificates,
  };
}

function show(
  members: readonly Member[],
  certificates: CertificateStatus[],
  backups: { scheduled: ScheduleReport | undefined; verified: Verification | undefined },
  { problems, isBusy }: { problems: readonly string[]; isBusy: boolean },
  options: CommonOptions,
): void {
  const services = members.filter(({ kind }) => kind === "service");
  if (services.length > 0) {
    const rows = services.map((member) => [
      member.container,
      member.image,
      member.stopped ? "stopped" : member.state,
      member.stopped ? "-" : (member.health ?? "-"),
      timeSpan(uptime(member) ?? 0),
      String(member.restarts),
      member.ports
        .map(({ address, hostPort, containerPort }) => `${address}:${hostPort}->${containerPort}`)
        .join(" ") || "-",
    ]);
    const [head = "", ...lines] = table([["SERVICE", "IMAGE", "STATE", "HEALTH", "UP", "RESTARTS", "PORTS"], ...rows]);
    say(coloured("bold", head));
    for (const line of lines) say(line);
  }
  const stopped = services.filter((member) => member.stopped).map(({ name }) => name);
  if (stopped.length > 0 && !isBusy) {
    const names = [...new Set(stopped)].join(" ");
    say(
      coloured(
        "yellow",
        `Stopped, as somebody wished: ${names}. To start again, type: ${commandLine(`start ${names}`, options)}`,
      ),
    );
  }
  for (const { container, state, exitCode: code, finishedAt, standby } of members.filter(
    ({ kind }) => kind === "task",
  )) {
    if (standby) say(`Task ${container}: run by hand`);
    else if (state === "running") say(`Task ${container}: running`);
    else say(`Task ${container}: ${state}, exit code ${code}, ${timeSpan(Date.now() - finishedAt.getTime())} ago`);
  }
  for (const { service, subject, validTo, daysLeft, advice } of certificates) {
    const line = `Certificate of ${service} for ${subject}: valid until ${validTo.slice(0, 10)}, ${daysLeft} days left`;
    say(advice === undefined ? line : coloured("yellow", `${line}; ${advice}`));
  }
  if (backups.scheduled !== undefined) say(scheduleLine(backups.scheduled));
  if (backups.verified !== undefined) {
    const line = verificationLine(backups.verified);
    say(backups.verified.good ? line : coloured("red", line));
  }
  for (const problem of problems) remark(coloured("red", problem));
}
