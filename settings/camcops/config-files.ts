import { hostPathIn, isPattern, look, matches, type MountedFolder, type Sight } from "../mounted-file.ts";
import { settingKey } from "../path.ts";
import type { FileFindings, Finding } from "../problems.ts";
import { configFolder, keysOf, listItems, type ConfigSections } from "./config-keys.ts";

/** A file that a setting names. */
interface Reference {
  /** The setting. */
  key: string;
  /** As the containers have it. */
  path: string;
  /** Whether CamCOPS runs it. */
  isProgram: boolean;
}

/**
 * Checks what keys of camcops.conf name in the configuration folder: whether the containers find a file there that they
 * may read.
 */
export async function configFileFindings(config: ConfigSections, folder: MountedFolder): Promise<FileFindings> {
  const found = await Promise.all(references(config).map((reference) => referenceFindings(reference, folder)));
  return {
    findings: found.flatMap(({ findings }) => findings),
    warnings: found.flatMap(({ warnings }) => warnings),
  };
}

function references(config: ConfigSections): Reference[] {
  return Object.entries(config).flatMap(([section, values]) =>
    Object.entries(values).flatMap(([name, value]) => {
      if (keysOf(section)?.[name]?.folders === undefined) return [];
      return listItems(value)
        .filter((path) => path.startsWith(`${configFolder}/`))
        .map((path) => ({
          key: settingKey(["camcops", "config", section, name]),
          path,
          isProgram: name === "FILE_SCRIPT_AFTER_EXPORT",
        }));
    }),
  );
}

async function referenceFindings(reference: Reference, folder: MountedFolder): Promise<FileFindings> {
  const { key, path } = reference;
  if (!isPattern(path)) return oneFinding(reference, folder, await look(folder, path));
  const paths = await matches(folder, path);
  if (paths.length === 0) {
    const message = `${key}: ${path} matches no file; on the host that is ${hostPathIn(folder, path)}.`;
    return { findings: [], warnings: [message] };
  }
  const all = await Promise.all(
    paths.map(async (match) => oneFinding({ ...reference, path: match }, folder, await look(folder, match))),
  );
  return { findings: all.flatMap(({ findings }) => findings), warnings: all.flatMap(({ warnings }) => warnings) };
}

function oneFinding({ key, path, isProgram }: Reference, folder: MountedFolder, sight: Sight): FileFindings {
  if (sight.is === "hidden") {
    return { findings: [], warnings: [`${key}: ${path} was not checked, because you may not look at ${sight.path}.`] };
  }
  const wrong = sightFinding({ key, path }, folder, sight);
  if (wrong !== undefined) return { findings: [wrong], warnings: [] };
  if (!isProgram || (sight.is === "file" && sight.isExecutable)) return { findings: [], warnings: [] };
  const onHost = hostPathIn(folder, path);
  const message = `must be a program that user ${folder.userId}, as whom CamCOPS runs, may execute; on the host it is ${onHost}`;
  return { findings: [{ key, value: path, message, remedy: [{ advice: `sudo chmod +x ${onHost}` }] }], warnings: [] };
}

/** What is wrong with a file that the containers have to read, in the words of host and containers; nothing if it is fine. */
export function sightFinding(
  { key, path }: { key: string; path: string },
  folder: MountedFolder,
  sight: Sight,
): Finding | undefined {
  const onHost = hostPathIn(folder, path);
  const finding = (message: string, advice: string): Finding => ({ key, value: path, message, remedy: [{ advice }] });
  const same = `which the containers see as ${path}`;
  switch (sight.is) {
    case "missing":
      return finding(`must be a file of the host at ${onHost}, ${same}, but there is none`, `ls -l ${sight.path}`);
    case "folder":
      return finding(`must be a file, but ${onHost}, ${same}, is a folder`, `ls -l ${onHost}`);
    case "outside":
      return finding(
        `must be a file within ${folder.host}, but ${sight.path} is a link to ${sight.target}, which the containers do not have`,
        `sudo cp --remove-destination "$(readlink -f ${sight.path})" ${sight.path}   # a copy in place of the link`,
      );
    case "forbidden":
      return finding(
        `must be readable for user ${folder.userId}, as whom CamCOPS runs, but ${sight.path} is not`,
        `sudo chown ${folder.userId}:${folder.groupId} ${sight.path} && sudo chmod u+${sight.right === "x" ? "rx" : "r"} ${sight.path}`,
      );
    default:
      return undefined;
  }
}
