import { checkCertificate } from "../certificate-check.ts";
import { environments, type Environment } from "../environment.ts";
import { isLoopback, secretText } from "../fields.ts";
import { folderFindings } from "../folder-check.ts";
import { hostPathIn, look, type MountedFolder } from "../mounted-file.ts";
import { valueAt } from "../path.ts";
import { publication, type Publication } from "../port-check.ts";
import type { FileFindings } from "../problems.ts";
import type { Question } from "../question.ts";
import type { Report } from "../remedy.ts";
import type { System } from "../system.ts";
import { configFileFindings, sightFinding } from "./config-files.ts";
import { configFolder } from "./config-keys.ts";
import { camcopsConfigRule, camcopsConfigWarnings } from "./config-rule.ts";
import { camcopsSecretConfig, camcopsSettings, type CamcopsSettings } from "./settings.ts";
import { isWithoutDowntime } from "./without-downtime.ts";

/** CamCOPS among a stack's settings. */
export const camcopsSystem = {
  settings: camcopsSettings,
  secrets: {
    camcopsSuperuserPassword: secretText().meta({
      description: "Password of the first user. Without it the stack generates one; a deployment never resets it.",
      variable: "CAMCOPS_INSTALLER_SUPERUSER_PASSWORD",
      question: { order: 71, ask: "Password of the first user" } satisfies Question,
    }),
    camcopsMysqlUserPassword: secretText().meta({
      description:
        "Password of CamCOPS's user in the database. Without it the stack generates one; an external database needs it.",
      variable: "CAMCOPS_DOCKER_MYSQL_USER_PASSWORD",
      question: { order: 66, ask: "Password of CamCOPS's user in the database" } satisfies Question,
    }),
    camcopsMysqlRootPassword: secretText().meta({
      description: "Password of root in the stack's own database. Without it the stack generates one.",
      variable: "CAMCOPS_DOCKER_MYSQL_ROOT_PASSWORD",
      question: {
        order: 65,
        ask: "Password of root in the database",
        when: { "mysql.container": true },
      } satisfies Question,
    }),
    camcopsFlowerPassword: secretText().meta({
      description: "Password for the login at the monitor. Without it the stack generates one.",
    }),
    camcopsSessionSecret: secretText().meta({
      description: "Signs the cookies of users' sessions. Without it the stack generates one.",
      caution: "Another one logs everybody out.",
    }),
    camcopsSecretConfig: camcopsSecretConfig.optional().meta({
      description:
        "Secret keys of camcops.conf by section, as in `camcops.config`, but none of `export`: mail, SMS and export " +
        "recipients' passwords.",
      examples: [{ site: { EMAIL_HOST_PASSWORD: { secure: "…" } } }],
    }),
  },
  secretGroups: ["camcopsSecretConfig"],
  rules(stack: unknown, report: Report) {
    if (!ownsDatabase(valueAt(stack, ["camcops"])) && valueAt(stack, ["camcopsMysqlUserPassword"]) === undefined) {
      report(
        ["camcopsMysqlUserPassword"],
        "must be set, because camcops.mysql.container is false and only you know the external database's password",
        { setSecret: "camcopsMysqlUserPassword" },
      );
    }
    camcopsConfigRule(stack, report);
  },
  images: (settings: unknown, environment: Environment) => ({
    camcops: { build: "camcops" },
    ...(ownsDatabase(settings) && { mysql: { build: "mariadb" } }),
    rabbitmq: { build: "rabbitmq" },
    // dev builds it for prod, which pulls it, so that "slipway images push" has it.
    ...(isWithoutDowntime(settings, environment === "dev" ? "prod" : environment) && {
      nginx: { build: "nginx", leftOutBy: "camcops.withoutDowntime" },
    }),
  }),
  needs: (settings: CamcopsSettings, environment: Environment) => ({
    publications: publications(settings),
    volumes:
      settings.mysql.container && settings.mysql.volume !== undefined
        ? [{ key: "camcops.mysql.volume", name: settings.mysql.volume }]
        : [],
    servers:
      settings.mysql.container || settings.mysql.server === undefined
        ? []
        : [{ key: "camcops.mysql.server", server: settings.mysql.server, port: settings.mysql.port }],
    warnings: warnings(settings, environment),
    checkFiles: () => checkFiles(settings),
  }),
} satisfies System<typeof camcopsSettings>;

function ownsDatabase(settings: unknown): boolean {
  return valueAt(settings, ["mysql", "container"]) !== false;
}

function publications(camcops: CamcopsSettings): Publication[] {
  const { mysql, flower } = camcops;
  return [
    publication("camcops", camcops),
    ...(mysql.container ? [publication("camcops.mysql", mysql)] : []),
    publication("camcops.flower", flower),
  ];
}

function warnings({ https, hostAddress, certificate, config }: CamcopsSettings, environment: Environment): string[] {
  return [
    ...(https && certificate.kind === "self-signed" && !environments[environment].selfSignedIsFit
      ? [
          `camcops.certificate: is self-signed, which is not fit for ${environment}: browsers cannot tell it from a forged one.`,
        ]
      : []),
    ...(!https && !isLoopback(hostAddress)
      ? [
          `camcops.https: is false, and ${hostAddress} is reachable from elsewhere: passwords travel unencrypted. Set camcops.hostAddress to 127.0.0.1.`,
        ]
      : []),
    ...camcopsConfigWarnings(config),
  ];
}

async function checkFiles(settings: CamcopsSettings): Promise<FileFindings> {
  const { configDirectory, config, userId, groupId } = settings;
  const findings = await folderFindings("camcops.configDirectory", configDirectory);
  if (findings.length > 0) return { findings, warnings: [] };
  if (configDirectory === undefined || configDirectory.startsWith("/host_mnt/")) return { findings: [], warnings: [] };
  const folder: MountedFolder = { host: configDirectory, container: configFolder, userId, groupId };
  const [files, certificate] = [await configFileFindings(config, folder), await certificateFindings(settings, folder)];
  return {
    findings: [...certificate.findings, ...files.findings],
    warnings: [...certificate.warnings, ...files.warnings],
  };
}

async function certificateFindings(
  { https, certificate }: CamcopsSettings,
  folder: MountedFolder,
): Promise<FileFindings> {
  if (!https || certificate.kind !== "files") return { findings: [], warnings: [] };
  const file = (name: "certificate" | "privateKey") => ({
    key: `camcops.certificate.${name}`,
    value: certificate[name],
    path: hostPathIn(folder, certificate[name]),
  });
  const [ofCertificate, ofKey] = [file("certificate"), file("privateKey")];
  const unseen = await Promise.all(
    [ofCertificate, ofKey].map(async ({ key, value }) =>
      sightFinding({ key, path: value }, folder, await look(folder, value)),
    ),
  );
  const findings = unseen.filter((finding) => finding !== undefined);
  return findings.length > 0 ? { findings, warnings: [] } : await checkCertificate(ofCertificate, ofKey);
}
