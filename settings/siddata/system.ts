import { stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { environments, type Environment } from "../environment.ts";
import { isLoopback, secretText } from "../fields.ts";
import { valueAt } from "../path.ts";
import type { Publication } from "../port-check.ts";
import type { Finding } from "../problems.ts";
import type { FileFindings, ImageSource, System } from "../system.ts";
import { siddataRules } from "./rules.ts";
import { siddataSettings, tfServingImage, type SiddataSettings } from "./settings.ts";

/** The application that stands in for the user's own. */
const template = fileURLToPath(new URL("../../templates/django", import.meta.url));

/** Siddata among a stack's settings. */
export const siddataSystem = {
  settings: siddataSettings,
  secrets: {
    siddataDatabasePassword: secretText().meta({
      description: "Password of the backend's user in the database. Without it the stack generates one.",
    }),
    siddataSecretKey: secretText().meta({
      description: "Django's key, which signs sessions. Without it the stack generates one.",
    }),
    siddataSuperuserPassword: secretText().meta({
      description: "Password of the first user. Without it the stack generates one; a deployment never resets it.",
    }),
  },
  rules: siddataRules,
  images(settings: unknown, environment: Environment): Record<string, ImageSource> {
    const { isForDevelopment } = environments[environment];
    const has = (service: string) => valueAt(settings, [service, "container"]) !== false;
    return {
      backend: {
        build: {
          name: "siddata-backend",
          folder: applicationFolder(settings) ?? "",
          target: chosenTarget(settings),
        },
      },
      db: { build: "postgresql" },
      ...(isForDevelopment && has("adminer") && { adminer: { build: "adminer" } }),
      // Dev does not deploy it, but `images push` builds it there for those who do.
      proxy: { build: "nginx" },
      ...(has("tfServing") && { tfServing: { pull: tfServingImage, leftOutBy: "siddata.tfServing.container" } }),
    };
  },
  needs: (settings: SiddataSettings, environment: Environment) => {
    const { isForDevelopment } = environments[environment];
    return {
      publications: isForDevelopment ? developmentPublications(settings) : [publication("proxy", settings.proxy)],
      warnings: isForDevelopment ? developmentWarnings(settings) : warnings(settings),
      checkFiles: () => checkFiles(settings),
    };
  },
} satisfies System<typeof siddataSettings>;

/** The folder whose code dev builds and runs; none where the image comes from elsewhere. The settings may be invalid. */
export function applicationFolder(settings: unknown): string | undefined {
  const folder = valueAt(settings, ["backend", "folder"]);
  if (typeof folder === "string") return folder;
  return valueAt(settings, ["images", "backend"]) === undefined ? template : undefined;
}

function chosenTarget(settings: unknown): string {
  const target = valueAt(settings, ["backend", "target"]);
  return typeof target === "string" ? target : "dev";
}

function publication(
  service: string,
  { hostAddress, hostPort }: { hostAddress: string; hostPort: number },
): Publication {
  const key = `siddata.${service}`;
  return { portKey: `${key}.hostPort`, addressKey: `${key}.hostAddress`, address: hostAddress, port: hostPort };
}

function developmentPublications({ backend, db, adminer, tfServing }: SiddataSettings): Publication[] {
  return [
    publication("backend", backend),
    publication("db", db),
    ...(adminer.container ? [publication("adminer", adminer)] : []),
    ...(tfServing.container
      ? [publication("tfServing.grpc", tfServing.grpc), publication("tfServing.rest", tfServing.rest)]
      : []),
  ];
}

function developmentWarnings({ backend: { hostAddress } }: SiddataSettings): string[] {
  if (isLoopback(hostAddress)) return [];
  return [
    `siddata.backend.hostAddress: ${hostAddress} is reachable from elsewhere, and in dev Django shows code and settings to whoever meets an error.`,
  ];
}

function warnings({ proxy: { hostAddress } }: SiddataSettings): string[] {
  if (isLoopback(hostAddress)) return [];
  return [
    `siddata.proxy.hostAddress: ${hostAddress} is reachable from elsewhere, and nginx speaks plain HTTP: passwords travel unencrypted. Set it to 127.0.0.1, and put a web server with a certificate in front.`,
  ];
}

async function checkFiles({ backend: { folder }, tfServing }: SiddataSettings): Promise<FileFindings> {
  const { container, modelFolder, modelName } = tfServing;
  const findings = await Promise.all([
    ...(folder === undefined ? [] : [folderFindings("siddata.backend.folder", folder, "Dockerfile")]),
    ...(container && modelFolder !== undefined
      ? [folderFindings("siddata.tfServing.modelFolder", modelFolder, modelName)]
      : []),
  ]);
  return { findings: findings.flat(), warnings: [] };
}

/** What a folder of the host lacks. */
async function folderFindings(key: string, folder: string, content: string): Promise<Finding[]> {
  // Below /host_mnt lie the folders of a Windows host, which only Docker Desktop's engine sees.
  if (folder.startsWith("/host_mnt/")) return [];
  const isThere = await stat(join(folder, content)).then(
    () => true,
    () => false,
  );
  if (isThere) return [];
  const message = `must be a folder of the host that holds ${content}`;
  return [{ key, value: folder, message, remedy: [{ advice: `ls -l ${folder}` }] }];
}
