import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { commandLine, type CommonOptions, type Site } from "../site.ts";
import { quoted } from "../terminal/quoted.ts";
import { writeJsonDurably } from "./durable-file.ts";

/** A restore that has begun to replace data. */
interface BegunRestore {
  file: string;
  /** In ISO 8601. */
  began: string;
}

function fileOf({ deploymentsFolder }: Site): string {
  return join(deploymentsFolder, "restore.json");
}

/** Notes that data begin to be replaced; whoever looks afterwards knows that it did not come to its end. */
export function markRestore(site: Site, file: string): void {
  writeJsonDurably(fileOf(site), { file, began: new Date().toISOString() } satisfies BegunRestore);
}

/** Notes that they are replaced, or that somebody goes on with them as they are. */
export function endRestore(site: Site): void {
  rmSync(fileOf(site), { force: true });
}

/** Says that a restore was broken off, and what to type; nothing when none was. */
export function halfRestore(site: Site, options: Pick<CommonOptions, "stack" | "home">): string | undefined {
  const file = fileOf(site);
  if (!existsSync(file)) return undefined;
  const { file: backup, began } = JSON.parse(readFileSync(file, "utf8")) as BegunRestore;
  return (
    `a restore that began at ${began} was not finished: the data may be a mixture. ` +
    `To begin it again, type: ${commandLine(`restore ${quoted(backup)}`, options)}. ` +
    `To start the services with the data as they are, type: ${commandLine("up", options)}`
  );
}
