import * as pulumi from "@pulumi/pulumi";
import { Host } from "./components/host.ts";
import { label } from "./components/labels.ts";
import { dockerClient } from "./settings/docker-client.ts";
import { loadSettings } from "./settings/load.ts";
import { preflight } from "./settings/preflight.ts";
import { SettingsError } from "./settings/problems.ts";
import { Camcops } from "./systems/camcops/camcops.ts";
import { Coped } from "./systems/coped/coped.ts";
import { Ocs } from "./systems/ocs/ocs.ts";
import { scheduleBackups } from "./systems/scheduled-backup.ts";
import { Siddata } from "./systems/siddata/siddata.ts";

// Pulumi maps the stack of every promise to its source, for which Node's type stripping has no need: lines stay where they
// are. Without it, a preview of CamCOPS takes 0.7 s of processor time less (npm run bench).
delete (Error as { prepareStackTrace?: unknown }).prepareStackTrace;

export default async function deploy() {
  const stack = pulumi.getStack();
  const { settings, secrets } = loadSettings();
  const { problems, warnings } = await preflight(settings, dockerClient(settings.host), {
    stack,
    labels: { [label.stack]: stack },
  });
  if (problems.length > 0) throw new pulumi.RunError(new SettingsError(stack, problems).message);
  for (const warning of warnings) void pulumi.log.warn(warning);

  const host = new Host("host", { url: settings.host });
  const camcops =
    settings.camcops &&
    new Camcops(
      "camcops",
      {
        host,
        environment: settings.environment,
        settings: settings.camcops,
        imageRevision: settings.imageRevision,
        secrets: {
          mysqlUserPassword: secrets.camcopsMysqlUserPassword,
          mysqlRootPassword: secrets.camcopsMysqlRootPassword,
          superuserPassword: secrets.camcopsSuperuserPassword,
          flowerPassword: secrets.camcopsFlowerPassword,
          sessionSecret: secrets.camcopsSessionSecret,
          config: secrets.camcopsSecretConfig,
        },
      },
      { providers: [host.provider] },
    );
  const coped =
    settings.coped &&
    new Coped(
      "coped",
      {
        host,
        environment: settings.environment,
        settings: settings.coped,
        imageRevision: settings.imageRevision,
        secrets: {
          superuserPassword: secrets.copedSuperuserPassword,
          djangoSecretKey: secrets.copedDjangoSecretKey,
          postgresPassword: secrets.copedPostgresPassword,
          elasticsearchPassword: secrets.copedElasticsearchPassword,
        },
      },
      { providers: [host.provider] },
    );
  const ocs =
    settings.ocs &&
    new Ocs(
      "ocs",
      {
        host,
        settings: settings.ocs,
        backsUpBySchedule: settings.backup?.schedule !== undefined,
        imageRevision: settings.imageRevision,
        secrets: { grafanaPassword: secrets.ocsGrafanaPassword },
      },
      { providers: [host.provider] },
    );
  const siddata =
    settings.siddata &&
    new Siddata(
      "siddata",
      {
        host,
        settings: settings.siddata,
        environment: settings.environment,
        imageRevision: settings.imageRevision,
        secrets: {
          databasePassword: secrets.siddataDatabasePassword,
          secretKey: secrets.siddataSecretKey,
          superuserPassword: secrets.siddataSuperuserPassword,
        },
      },
      { providers: [host.provider] },
    );

  scheduleBackups(host, settings, { providers: [host.provider] });

  return {
    systems: [camcops?.summary, coped?.summary, ocs?.summary, siddata?.summary].filter(
      (summary) => summary !== undefined,
    ),
    ...(camcops && {
      camcopsSuperuserPassword: camcops.superuserPassword,
      camcopsFlowerUrl: camcops.flowerUrl,
      camcopsFlowerPassword: camcops.flowerPassword,
      ...(camcops.caCertificate && { camcopsCaCertificate: camcops.caCertificate }),
    }),
    ...(coped && { copedSuperuserPassword: coped.superuserPassword }),
    ...(ocs && {
      ocsNetwork: ocs.networkName,
      ...(ocs.siteConfig !== undefined && { ocsSiteConfig: ocs.siteConfig }),
      ...(ocs.grafanaPassword && { ocsGrafanaPassword: ocs.grafanaPassword }),
    }),
    ...(siddata && {
      siddataSuperuserPassword: siddata.superuserPassword,
      siddataDatabasePassword: siddata.databasePassword,
      ...(siddata.adminerUrl !== undefined && { siddataAdminerUrl: siddata.adminerUrl }),
    }),
  };
}
