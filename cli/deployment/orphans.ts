import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** A process as `/proc` shows it. */
export interface Process {
  pid: number;
  parent: number;
  /** Its program and arguments. */
  command: readonly string[];
}

/** Plugins, the language host, and the program that it runs. */
function isHelper({ command }: Process): boolean {
  const [program = ""] = command;
  const name = program.split("/").at(-1) ?? "";
  return /^pulumi-(?:resource|language)-/.test(name) || command.some((part) => part.includes("@pulumi/pulumi/cmd/run"));
}

function isEngine({ command: [program = ""] }: Process): boolean {
  return program.split("/").at(-1) === "pulumi";
}

/** The helpers of an engine that has gone: those among all processes that no running engine has started. */
export function orphansAmong(processes: readonly Process[]): Process[] {
  const byPid = new Map(processes.map((process) => [process.pid, process]));
  const hasEngine = (process: Process): boolean => {
    const parent = byPid.get(process.parent);
    return parent !== undefined && (isEngine(parent) || hasEngine(parent));
  };
  return processes.filter((process) => isHelper(process) && !hasEngine(process));
}

/** How long a helper may take to end, in milliseconds. */
const patience = 3_000;

/**
 * Ends what a killed engine has left running, which would go on to make and remove containers for minutes. Only helpers
 * that work on the same state are touched. Without `/proc`, as on macOS, nothing is done.
 */
export async function endOrphans(backendUrl: string): Promise<void> {
  const orphans = orphansAmong(runningProcesses()).filter(({ pid }) => worksOn(pid, backendUrl));
  for (const { pid } of orphans) signal(pid, "SIGTERM");
  const deadline = Date.now() + patience;
  while (orphans.some(({ pid }) => signal(pid, 0)) && Date.now() < deadline) await sleep(100);
  for (const { pid } of orphans) signal(pid, "SIGKILL");
}

function runningProcesses(): Process[] {
  let names: string[];
  try {
    names = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    const command = read(name, "cmdline")?.split("\0");
    const parent = /\) \S (\d+)/.exec(read(name, "stat") ?? "")?.[1];
    return command === undefined || parent === undefined
      ? []
      : [{ pid: Number(name), parent: Number(parent), command }];
  });
}

function worksOn(pid: number, backendUrl: string): boolean {
  return read(String(pid), "environ")?.split("\0").includes(`PULUMI_BACKEND_URL=${backendUrl}`) ?? false;
}

/** A file of a process; nothing when it has ended or is another user's. */
function read(pid: string, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return undefined;
  }
}

/** Sends a signal; says whether there was such a process. */
function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    return false;
  }
}
