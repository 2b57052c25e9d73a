import * as pulumi from "@pulumi/pulumi";
import { DjangoApplication, djangoPort } from "../../components/django-application.ts";
import type { Host } from "../../components/host.ts";
import { PostgresqlDatabase } from "../../components/postgresql-database.ts";
import { ReverseProxy, type ProxyRoute } from "../../components/reverse-proxy.ts";
import { SearchEngine } from "../../components/search-engine.ts";
import { Secret } from "../../components/secret.ts";
import { Service } from "../../components/service.ts";
import { SocketVolume } from "../../components/socket-volume.ts";
import { Volume } from "../../components/volume.ts";
import type { CopedSettings } from "../../settings/coped/settings.ts";
import { copedSystem } from "../../settings/coped/system.ts";
import { applicationFolder } from "../../settings/django.ts";
import { environments, type Environment } from "../../settings/environment.ts";
import { imagesOf } from "../../settings/system.ts";
import { inUrl, reachable } from "../host-address.ts";
import { partsOf } from "../parts.ts";
import type { SystemSummary } from "../summary.ts";

const system = "coped";
const voilaPath = "/voila/";
const voilaPort = 8866;

/** The secrets that a user may choose; what is not given is generated. */
export interface CopedSecrets {
  superuserPassword?: pulumi.Output<string> | undefined;
  djangoSecretKey?: pulumi.Output<string> | undefined;
  postgresPassword?: pulumi.Output<string> | undefined;
  elasticsearchPassword?: pulumi.Output<string> | undefined;
}

/** What COPED is deployed with. */
export interface CopedArgs {
  host: Host;
  environment: Environment;
  settings: CopedSettings;
  secrets: CopedSecrets;
  /** See `BuildContext.revision`. */
  imageRevision?: string | undefined;
}

/**
 * COPED: a Django application with PostgreSQL and Elasticsearch behind it, nginx in front of it, and notebooks as pages.
 *
 * Networks: `data` has the databases and the application; `app` the application, the notebooks and nginx; `edge` nginx
 * alone. The first two are internal.
 *
 * Source of the services and of how environments differ: COPED's own repository of its microservices.
 */
export class Coped extends pulumi.ComponentResource {
  readonly summary: SystemSummary;
  readonly superuserPassword: pulumi.Output<string>;

  constructor(name: string, args: CopedArgs, opts?: pulumi.ComponentResourceOptions) {
    super("slipway:coped:Coped", name, {}, opts);
    const { host, settings, secrets, imageRevision } = args;
    const { application, bypass, logs, services, timeZone, voila } = settings;
    const { isForDevelopment } = environments[args.environment];
    const child = { parent: this };
    const { image, network } = partsOf({
      parent: this,
      name,
      host,
      system,
      prefix: settings.name,
      sources: imagesOf(copedSystem.images(settings), settings),
      imageRevision,
    });
    const secret = (which: string, given: pulumi.Output<string> | undefined, length?: number) =>
      new Secret(`${name}-${which}`, { given, ...(length !== undefined && { length }) }, child).value;
    /** What all services have in common. */
    const common = (service: keyof CopedSettings["services"]) => ({
      host,
      system,
      service,
      containerName: `${settings.name}-${service}`,
      image: image(service),
      logs,
      timeZone,
      ...services[service],
    });

    const user = { userId: settings.userId, groupId: settings.groupId };
    const data = network("data", "internal");
    const app = network("app", "internal");
    const postgresPassword = secret("postgres-password", secrets.postgresPassword);
    const elasticsearchPassword = secret("elasticsearch-password", secrets.elasticsearchPassword);
    this.superuserPassword = secret("superuser-password", secrets.superuserPassword);

    const { databaseName, userName, volume, volumeFolder } = settings.database;
    const database = new PostgresqlDatabase(
      `${name}-db`,
      {
        ...common("db"),
        volumeName: volume ?? `${settings.name}-db-data`,
        volumeExists: volume !== undefined,
        ...(volumeFolder !== undefined && { volumeFolder }),
        databaseName,
        userName,
        userPassword: postgresPassword,
        network: data,
        createsDatabases: isForDevelopment,
      },
      child,
    );
    const search = settings.elasticsearch.container
      ? new SearchEngine(
          `${name}-elasticsearch`,
          {
            ...common("elasticsearch"),
            volumeName: `${settings.name}-elasticsearch-data`,
            network: data,
            password: elasticsearchPassword,
          },
          child,
        )
      : undefined;

    const staticFiles = isForDevelopment
      ? undefined
      : new Volume(`${name}-static`, { volumeName: `${settings.name}-static` }, child);
    const sockets = application.withoutDowntime
      ? new SocketVolume(`${name}-sockets`, { volumeName: `${settings.name}-sockets`, ...user }, child)
      : undefined;
    const folder = isForDevelopment ? applicationFolder(settings.application.folder, settings.images.web) : undefined;
    new DjangoApplication(
      `${name}-web`,
      {
        ...common("web"),
        prefix: settings.name,
        ...user,
        networks: [data, app],
        published: bypass && { ...bypass, network: network("bypass", "edge"), address: bypass.hostAddress },
        database: {
          server: database.server,
          port: database.port,
          name: databaseName,
          userName,
          password: postgresPassword,
        },
        secretKey: secret("django-secret-key", secrets.djangoSecretKey, 64),
        environment: {
          ...application.environment,
          WEB_CONCURRENCY: String(application.workers),
          ...(search && { ELASTICSEARCH_URL: search.url, ELASTICSEARCH_USER: search.userName }),
        },
        secrets: search ? { ELASTICSEARCH_PASSWORD: elasticsearchPassword } : {},
        allowedHosts: application.allowedHosts,
        trustedOrigins: application.trustedOrigins,
        settingsModule: application.settingsModule,
        healthPath: application.healthPath,
        isDeveloped: isForDevelopment,
        code: folder === undefined ? undefined : { folder, target: application.codePath },
        staticFiles,
        sockets,
        migrates: isForDevelopment,
        flushesDatabase: settings.flushDatabase,
        superuser: { ...settings.superuser, password: this.superuserPassword },
      },
      { ...child, dependsOn: [database] },
    );

    if (voila.container) {
      new Service(
        `${name}-voila`,
        {
          ...common("voila"),
          command: [
            "voila",
            "--no-browser",
            "--Voila.ip=0.0.0.0",
            `--port=${voilaPort}`,
            `--base_url=${voilaPath}`,
            `--MappingKernelManager.cull_interval=${voila.cullIntervalSeconds}`,
            `--MappingKernelManager.cull_idle_timeout=${voila.idleTimeoutSeconds}`,
            // Those that calculate in silence, and those of pages that somebody left open.
            "--MappingKernelManager.cull_busy=True",
            "--MappingKernelManager.cull_connected=True",
            "/notebooks",
          ],
          mounts:
            voila.notebooks === undefined ? [] : [{ source: voila.notebooks, target: "/notebooks", readOnly: true }],
          networks: [{ network: app, aliases: ["voila"] }],
          ...user,
          healthCheck: {
            command: [
              "python",
              "-c",
              `import urllib.request as u; u.urlopen("http://127.0.0.1:${voilaPort}${voilaPath}", timeout=4)`,
            ],
            intervalSeconds: 10,
            startPeriodSeconds: 120,
          },
          operations: { version: 1, shell: ["bash"] },
        },
        child,
      );
    }

    const routes: ProxyRoute[] = [
      { path: "/", to: sockets ? { sockets, socket: "current" } : { upstream: `http://web:${djangoPort}` } },
      ...(staticFiles === undefined ? [] : [{ path: "/static/", to: { files: staticFiles } }]),
      ...(voila.container
        ? [{ path: voilaPath, to: { upstream: `http://voila:${voilaPort}` }, webSockets: true }]
        : []),
    ];
    new ReverseProxy(
      `${name}-nginx`,
      {
        ...common("nginx"),
        networks: [app],
        published: { network: network("edge", "edge"), address: settings.hostAddress, hostPort: settings.hostPort },
        routes,
        ...(sockets && { user }),
      },
      child,
    );

    const [shownHost = "localhost"] = application.allowedHosts;
    const address = reachable(settings.hostAddress);
    this.summary = {
      name: system,
      title: "COPED",
      url: `http://${inUrl(shownHost.replace(/^\./, ""))}:${settings.hostPort}`,
      probe: { address, port: settings.hostPort, path: application.healthPath },
      superuser: settings.superuser.username,
      passwordOutput: "copedSuperuserPassword",
      ...(!settings.flushDatabase && { passwordIsInitial: true }),
    };
    this.registerOutputs({ summary: this.summary });
  }
}
