import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { Failure } from "../failure.ts";
import { commandLine, type CommonOptions, type Site } from "../site.ts";
import { remark } from "../terminal/terminal.ts";
import type { LockState } from "./lock.ts";

/** What a command that changes a stack is told of its lock. */
export interface LockOptions extends CommonOptions {
  /** Removes the lock of a command on another machine, of which nothing is known here. */
  clearLock?: boolean;
}

/** Which command changes a stack. */
export interface CommandLock {
  pid: number;
  /** The start of the process, by which it is told from a later one of the same number. */
  started: string;
  user: string;
  host: string;
  command: string;
  /** In ISO 8601. */
  since: string;
}

/** When a process started: the machine's own start, and the clock ticks since; nothing where there is no such process. */
export function startOf(pid: number | "self"): string | undefined {
  if (!existsSync("/proc/self/stat")) return "unknown";
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // The 1st field here is the 3rd of proc(5), the state: Z and X have ended.
    const [state, ticks] = [fields[0], fields[19]];
    if (ticks === undefined || state === "Z" || state === "X") return undefined;
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()} ${ticks}`;
  } catch {
    return undefined;
  }
}

/** Tells the lock of a command that runs from one that a killed command left behind. */
export function commandLockState(
  lock: CommandLock,
  machine: { host: string; startOf: (pid: number) => string | undefined },
): LockState {
  if (lock.host !== machine.host) return "elsewhere";
  return machine.startOf(lock.pid) === lock.started ? "held" : "left behind";
}

/** Says which command on this machine is changing a stack right now; nothing where none is. */
export function underWay(site: Site): string | undefined {
  const file = lockFile(site);
  const lock = existsSync(file) ? lockIn(readFileSync(file, "utf8")) : undefined;
  if (lock === undefined || stateOf(lock) !== "held") return undefined;
  return `${ownerOf(lock)} is changing the stack since ${lock.since}, by \`slipway ${lock.command}\`: wait for it to end`;
}

function lockFile({ deploymentsFolder }: Site): string {
  return join(deploymentsFolder, "lock.json");
}

function stateOf(lock: CommandLock): LockState {
  return commandLockState(lock, { host: hostname(), startOf: (pid) => startOf(pid) });
}

function ownerOf({ user, pid, host }: CommandLock): string {
  return `${user} (process ${pid} on ${host})`;
}

/** The stacks that this process has locked: a command may do what another one does, too. */
const own = new Set<string>();

/**
 * Does what changes a stack while no other command does.
 *
 * @throws Failure naming the command that is under way, or that may be on another machine.
 */
export async function withLock<T>(
  site: Site,
  command: string,
  options: LockOptions,
  work: () => Promise<T>,
): Promise<T> {
  const file = lockFile(site);
  if (own.has(file)) return work();
  take(file, command, options);
  own.add(file);
  try {
    return await work();
  } finally {
    own.delete(file);
    rmSync(file, { force: true });
  }
}

function take(file: string, command: string, options: LockOptions): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}.draft`;
  const lock: CommandLock = {
    pid: process.pid,
    started: startOf("self") ?? "unknown",
    user: userInfo().username,
    host: hostname(),
    command,
    since: new Date().toISOString(),
  };
  writeFileSync(draft, `${JSON.stringify(lock, undefined, 2)}\n`, { mode: 0o600 });
  try {
    while (!linked(draft, file)) clear(file, command, options);
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Unlike a rename, a link never overwrites, and the file is never seen half written. */
function linked(draft: string, file: string): boolean {
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return false;
  }
}

/** Removes a lock that nobody holds. */
function clear(file: string, command: string, options: LockOptions): void {
  const text = existsSync(file) ? readFileSync(file, "utf8") : undefined;
  if (text === undefined) return;
  const said = refuseHeld(lockIn(text), command, options);
  // Somebody else may have taken its place meanwhile: only what was looked at is removed.
  const aside = `${file}.${process.pid}.left`;
  try {
    renameSync(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  const isSame = readFileSync(aside, "utf8") === text;
  if (!isSame) linked(aside, file);
  rmSync(aside, { force: true });
  if (isSame) remark(said);
}

/** What a lock says; nothing where the machine lost power before it was on the disk, since it is never seen half written. */
function lockIn(text: string): CommandLock | undefined {
  try {
    return JSON.parse(text) as CommandLock;
  } catch {
    return undefined;
  }
}

/**
 * Says why a lock may be removed.
 *
 * @param command what is refused where it may not
 * @throws Failure where somebody holds it, or may hold it.
 */
function refuseHeld(lock: CommandLock | undefined, command: string, options: LockOptions): string {
  if (lock === undefined) return "The machine lost power just after a command had begun. Its lock is removed.";
  const [state, owner] = [stateOf(lock), ownerOf(lock)];
  if (state === "held") {
    throw new Failure(
      `${owner} has been changing the stack "${options.stack}" since ${lock.since}, by \`slipway ${lock.command}\`. ` +
        "Nothing was changed. Wait for it to end.",
    );
  }
  if (state === "elsewhere" && options.clearLock !== true) {
    throw new Failure(
      `${owner} began to change the stack "${options.stack}" at ${lock.since}, by \`slipway ${lock.command}\`, and this ` +
        "machine cannot tell whether it still does. Nothing was changed. If it does not, type the same command again with " +
        `--clear-lock, such as: ${commandLine(`${command} --clear-lock`, options)}`,
    );
  }
  return state === "elsewhere"
    ? `The lock of ${owner} is removed, as you asked.`
    : `\`slipway ${lock.command}\`, which ${lock.user} began at ${lock.since}, has ended without a word (process ${lock.pid}). Its lock is removed.`;
}
