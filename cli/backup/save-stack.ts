import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Report } from "../../toolchain/report.js";
import { stateFile } from "../deployment/state.ts";
import type { Member } from "../docker/containers.ts";
import type { Deployed } from "../docker/deployed.ts";
import { runningOne } from "../exec.ts";
import { exitCode, Failure } from "../failure.ts";
import type { CommonOptions, Site } from "../site.ts";
import { byteSize } from "../terminal/byte-size.ts";
import { interruptible } from "../terminal/interruption.ts";
import { coloured, remark } from "../terminal/terminal.ts";
import { formatVersion, member, partTitle, type Manifest, type Part } from "./archive-format.ts";
import type { ArchiveSource } from "./archive-writer.ts";
import { backupName, type Occasion } from "./backup-name.ts";
import { ownFolder, readBackupSettings, refuseExampleRecipient } from "./backup-settings.ts";
import { backupTools, type BackupTools } from "./backup-tools.ts";
import { saveArchive } from "./saved-archive.ts";
import { findParts, partKey, readPart, type DeployedPart } from "./saved-parts.ts";

export interface SaveOptions {
  /** Where the file is put; asked for when it is known that there is something to save. */
  folder: () => string;
  /** @default somebody asked for it */
  occasion?: Occasion;
  /** What the services do meanwhile, in words. @default they go on */
  meanwhile?: string;
  /** One more public key of age that opens the file, where the settings name one. */
  alsoFor?: string | undefined;
}

/**
 * Saves a stack's data while it serves, its settings and its state in one new file.
 *
 * @returns the file.
 */
export async function saveStack(
  { site, host, client, members }: Deployed,
  { folder, occasion, meanwhile = "the services go on meanwhile", alsoFor }: SaveOptions,
  options: CommonOptions,
  report: Report,
): Promise<string> {
  const settings = readBackupSettings(site);
  refuseExampleRecipient(settings);
  const parts = await findParts(client, members);
  if (parts.length === 0) {
    throw new Failure(
      `The stack "${site.stack}" has no data that could be saved: no database and no saved folders of its own. ` +
        "A database outside of it is backed up by its own tools.",
    );
  }
  for (const part of parts) if ("database" in part) runningOne(part.member, options);
  const recipients = [settings.recipient, ...(settings.recipient === undefined ? [] : [alsoFor])].filter(
    (recipient) => recipient !== undefined,
  );
  const created = new Date();
  const file = join(folder(), backupName(site.stack, created, { encrypted: recipients.length > 0, occasion }));
  const tools = await backupTools(client, host, site.stack, settings.image, report);

  const problems: string[] = [];
  const source: ArchiveSource = {
    manifest: await manifestOf(tools, site.stack, created, members, parts),
    texts: textsOf(site),
    open: (part) =>
      readPart(tools, deployed(parts, part), (problem) => problems.push(`${partTitle(part)}: ${problem}`)),
  };
  const bytes = await interruptible(
    (signal) =>
      report.step(`Saving to ${file}`, meanwhile, (detail) =>
        saveArchive(source, {
          file,
          packed: tools.pack(recipients),
          signal,
          onProgress: (bytes) => {
            detail(`${byteSize(bytes)} written`);
          },
        }),
      ),
    () => "What was written has been removed; the data were not touched.",
  );

  for (const problem of problems) remark(coloured("yellow", `Warning: left out of ${problem}`));
  for (const name of [member.stackFile, member.state] as const) {
    if (source.texts[name] === undefined)
      remark(coloured("yellow", `Warning: ${name} is not in it, because it is not here.`));
  }
  if (recipients.length === 0) {
    remark(
      coloured(
        "yellow",
        "Warning: the backup is not encrypted; only its mode 0600 protects it. Set slipway:backup: recipient, a public key of age.",
      ),
    );
  }
  remark(
    `Saved: ${parts.map(({ part }) => partTitle(part)).join(", ")}; ${byteSize(bytes)}. The passphrase is not in it.`,
  );
  return file;
}

/**
 * The folder for a stack's backups.
 *
 * @param chosen instead of the setting `backup.folder` and of `backups` beside the state, which is made where it is missing
 */
export function backupFolder(site: Site, chosen = readBackupSettings(site).folder): string {
  if (chosen === undefined) {
    mkdirSync(ownFolder(site), { recursive: true, mode: 0o700 });
    return ownFolder(site);
  }
  if (!existsSync(chosen) || !statSync(chosen).isDirectory()) {
    throw new Failure(
      `There is no folder ${chosen} for the backup. Make it, or choose another: the setting backup.folder, or backup --to FOLDER`,
      exitCode.usage,
    );
  }
  return chosen;
}

async function manifestOf(
  tools: BackupTools,
  stack: string,
  created: Date,
  members: readonly Member[],
  parts: readonly DeployedPart[],
): Promise<Manifest> {
  return {
    format: "slipway-backup",
    version: formatVersion,
    stack,
    created: created.toISOString(),
    images: Object.fromEntries(
      members.filter(({ kind }) => kind === "service").map(({ system, name, image }) => [`${system}/${name}`, image]),
    ),
    parts: await Promise.all(parts.map((part) => withVersion(tools, part))),
  };
}

/** A part with its database's version, where that tells. */
export async function withVersion(tools: BackupTools, deployed: DeployedPart): Promise<Part> {
  const { part, member: service } = deployed;
  if (part.kind !== "database" || !("database" in deployed) || deployed.database.version === undefined) return part;
  const version = await tools.ask(service, deployed.database.version, `Asking ${part.service} for its version`);
  return { ...part, version: version.trim() };
}

function deployed(parts: readonly DeployedPart[], part: Part): DeployedPart {
  const found = parts.find((one) => partKey(one.part) === partKey(part));
  if (found === undefined) throw new Error(`${partTitle(part)} is not among what is deployed`);
  return found;
}

function textsOf(site: Site): ArchiveSource["texts"] {
  const files = { [member.stackFile]: site.stackFile, [member.state]: stateFile(site) };
  return Object.fromEntries(
    Object.entries(files)
      .filter(([, file]) => existsSync(file))
      .map(([name, file]) => [name, readFileSync(file, "utf8")]),
  );
}
