import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";

/** The processes that work with a user's folder, by the variable that every process inherits from its command. */
export function processesOf(home: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && parts(pid, "environ").includes(`SLIPWAY_HOME=${home}`));
}

/** Ends them all at once. */
export function endProcessesOf(home: string): void {
  processesOf(home).forEach(end);
}

/** Ends the command `slipway` and Pulumi's engine at once, and none of the engine's helpers. */
export function endCommandOf(home: string): void {
  processesOf(home)
    .filter((pid) => {
      const [program = "", script = ""] = parts(pid, "cmdline");
      return basename(program) === "pulumi" || basename(script) === "slipway" || script.endsWith("/cli/main.ts");
    })
    .forEach(end);
}

function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Nothing for what has ended meanwhile. */
function parts(pid: number, file: "environ" | "cmdline"): string[] {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8").split("\0");
  } catch {
    return [];
  }
}
