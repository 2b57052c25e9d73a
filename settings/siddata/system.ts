import { djangoBuild } from "../django.ts";
import { environments, type Environment } from "../environment.ts";
import { isLoopback, secretText } from "../fields.ts";
import { folderFindings } from "../folder-check.ts";
import { valueAt } from "../path.ts";
import { publication, type Publication } from "../port-check.ts";
import type { Question } from "../question.ts";
import type { FileFindings } from "../problems.ts";
import type { ImageSource, System } from "../system.ts";
import { siddataRules } from "./rules.ts";
import { siddataSettings, tfServingImage, type SiddataSettings } from "./settings.ts";

/** Siddata among a stack's settings. */
export const siddataSystem = {
  settings: siddataSettings,
  secrets: {
    siddataDatabasePassword: secretText().meta({
      description: "Password of the backend's user in the database. Without it the stack generates one.",
      question: { order: 42, ask: "Password of the application's user in the database" } satisfies Question,
    }),
    siddataSecretKey: secretText().meta({
      description: "Django's key, which signs sessions. Without it the stack generates one.",
      question: { order: 24, ask: "Django's key, which signs sessions" } satisfies Question,
    }),
    siddataSuperuserPassword: secretText().meta({
      description: "Password of the first user. Without it the stack generates one; a deployment never resets it.",
      question: { order: 81, ask: "Password of the first user" } satisfies Question,
    }),
  },
  rules: siddataRules,
  images(settings: unknown, environment: Environment): Record<string, ImageSource> {
    const { isForDevelopment } = environments[environment];
    const has = (service: string) => valueAt(settings, [service, "container"]) !== false;
    return {
      backend: { build: djangoBuild("siddata-backend", valueAt(settings, ["backend"])) },
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
      publications: isForDevelopment
        ? developmentPublications(settings)
        : [publication("siddata.proxy", settings.proxy)],
      volumes: settings.db.volume === undefined ? [] : [{ key: "siddata.db.volume", name: settings.db.volume }],
      warnings: isForDevelopment ? developmentWarnings(settings) : warnings(settings),
      checkFiles: () => checkFiles(settings),
    };
  },
} satisfies System<typeof siddataSettings>;

function developmentPublications({ backend, db, adminer, tfServing }: SiddataSettings): Publication[] {
  return [
    publication("siddata.backend", backend),
    publication("siddata.db", db),
    ...(adminer.container ? [publication("siddata.adminer", adminer)] : []),
    ...(tfServing.container
      ? [publication("siddata.tfServing.grpc", tfServing.grpc), publication("siddata.tfServing.rest", tfServing.rest)]
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
    folderFindings("siddata.backend.folder", folder, { content: "Dockerfile" }),
    ...(container ? [folderFindings("siddata.tfServing.modelFolder", modelFolder, { content: modelName })] : []),
  ]);
  return { findings: findings.flat(), warnings: [] };
}
