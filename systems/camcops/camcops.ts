import * as pulumi from "@pulumi/pulumi";
import { MessageBroker } from "../../components/broker.ts";
import { CertificateAuthority } from "../../components/certificate-authority.ts";
import { Certificate } from "../../components/certificate.ts";
import type { ContainerArgs, GeneratedFiles, Mount } from "../../components/container.ts";
import { MysqlDatabase } from "../../components/mysql-database.ts";
import { FileVolume, type FileVolumeArgs } from "../../components/file-volume.ts";
import type { Host } from "../../components/host.ts";
import { clientOptions } from "../../components/mysql-files.ts";
import { superuserActions } from "../../components/operations.ts";
import { ReverseProxy } from "../../components/reverse-proxy.ts";
import { Secret } from "../../components/secret.ts";
import { Service, type ServiceArgs } from "../../components/service.ts";
import { socketFolder, SocketVolume } from "../../components/socket-volume.ts";
import { Task } from "../../components/task.ts";
import { Volume } from "../../components/volume.ts";
import type { CamcopsSecretConfig, CamcopsSettings } from "../../settings/camcops/settings.ts";
import { configFolder, temporaryFolder } from "../../settings/camcops/config-keys.ts";
import { camcopsSystem } from "../../settings/camcops/system.ts";
import { isWithoutDowntime } from "../../settings/camcops/without-downtime.ts";
import type { Environment } from "../../settings/environment.ts";
import { imagesOf } from "../../settings/system.ts";
import { inUrl, reachable, siteUrl } from "../host-address.ts";
import { partsOf } from "../parts.ts";
import type { SystemSummary } from "../summary.ts";
import { lockFolder, renderConfig, schedulerArguments, workerArguments, type ConfigInput } from "./config.ts";
import { databaseUrl } from "./database-url.ts";
import { ownCertificate } from "./own-certificate.ts";

const secretsFolder = "/run/secrets";
const superuserFolder = "/run/superuser";
const flowerFolder = "/run/flower";
const credentialsFile = `${secretsFolder}/client.cnf`;

type ServiceName = keyof CamcopsSettings["services"];

/** How MariaDB's `log_warnings` and MySQL's `log_error_verbosity` put it; each takes the other's for a warning. */
const logOptions = {
  error: ["--loose-log-warnings=0", "--loose-log-error-verbosity=1"],
  warning: ["--loose-log-warnings=1", "--loose-log-error-verbosity=2"],
  info: ["--loose-log-warnings=2", "--loose-log-error-verbosity=3"],
  debug: ["--loose-log-warnings=9", "--loose-log-error-verbosity=3"],
} as const;

/** The secrets that a user may choose; what is not given is generated. */
export interface CamcopsSecrets {
  mysqlUserPassword?: pulumi.Output<string> | undefined;
  mysqlRootPassword?: pulumi.Output<string> | undefined;
  superuserPassword?: pulumi.Output<string> | undefined;
  flowerPassword?: pulumi.Output<string> | undefined;
  sessionSecret?: pulumi.Output<string> | undefined;
  /** Secret values of camcops.conf. */
  config?: pulumi.Output<CamcopsSecretConfig> | undefined;
}

/** What CamCOPS is deployed with. */
export interface CamcopsArgs {
  host: Host;
  environment: Environment;
  settings: CamcopsSettings;
  secrets: CamcopsSecrets;
  /** See `BuildContext.revision`. */
  imageRevision?: string | undefined;
}

/**
 * CamCOPS, the Cambridge Cognitive and Psychiatric Assessment Kit: database, message queue, web server, scheduler,
 * workers and monitor; and nginx in front of the server where that is replaced without an interruption.
 *
 * Source of what each process needs: CamCOPS's own `server/docker` and its administrator's manual, "Installing and
 * running the CamCOPS server via Docker".
 */
export class Camcops extends pulumi.ComponentResource {
  readonly summary: SystemSummary;
  readonly superuserPassword: pulumi.Output<string>;
  /** Where the monitor of background tasks listens. */
  readonly flowerUrl: string;
  readonly flowerPassword: pulumi.Output<string>;
  /** The certificate of the stack's own authority, which clients have to trust; nothing without one. */
  readonly caCertificate: pulumi.Output<string> | undefined;

  constructor(name: string, args: CamcopsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("slipway:camcops:Camcops", name, {}, opts);
    const { host, settings, secrets, imageRevision } = args;
    const { certificate, services } = settings;
    const overlapping = isWithoutDowntime(settings, args.environment);
    const child = { parent: this };
    const { image, network } = partsOf({
      parent: this,
      name,
      host,
      system: "camcops",
      prefix: settings.name,
      sources: imagesOf(camcopsSystem.images(settings, args.environment), settings),
      imageRevision,
    });

    const configFile = `${secretsFolder}/${settings.configFilename}`;
    const appImage = image("camcops");
    const brokerNetwork = network("broker", "internal");
    const edgeNetwork = network("edge", "edge");
    // An internal network reaches no other server (moby #36174): an external database needs one that does.
    const databaseNetwork = network("database", settings.mysql.container ? "internal" : "edge");

    const userPassword = new Secret(`${name}-mysql-user-password`, { given: secrets.mysqlUserPassword }, child).value;
    const rootPassword = new Secret(`${name}-mysql-root-password`, { given: secrets.mysqlRootPassword }, child).value;
    const sessionSecret = new Secret(`${name}-session-secret`, { given: secrets.sessionSecret, length: 64 }, child)
      .value;
    this.superuserPassword = new Secret(
      `${name}-superuser-password`,
      { given: secrets.superuserPassword },
      child,
    ).value;
    this.flowerPassword = new Secret(`${name}-flower-password`, { given: secrets.flowerPassword }, child).value;

    const database = settings.mysql.container
      ? new MysqlDatabase(
          `${name}-mysql`,
          {
            host,
            system: "camcops",
            service: "mysql",
            containerName: `${settings.name}-mysql`,
            volumeName: settings.mysql.volume ?? `${settings.name}-mysql-data`,
            volumeExists: settings.mysql.volume !== undefined,
            image: image("mysql"),
            databaseName: settings.mysql.databaseName,
            userName: settings.mysql.userName,
            userPassword,
            rootPassword,
            // What CamCOPS's own set-up gives its server.
            serverOptions: [
              "--explicit-defaults-for-timestamp=1",
              "--max-allowed-packet=32M",
              ...(services.mysql.logLevel === undefined ? [] : logOptions[services.mysql.logLevel]),
            ],
            network: databaseNetwork,
            published: {
              network: network("mysql-edge", "edge"),
              address: settings.mysql.hostAddress,
              hostPort: settings.mysql.hostPort,
            },
            logs: settings.logs,
            timeZone: settings.timeZone,
            ...services.mysql,
          },
          child,
        )
      : undefined;
    const broker = new MessageBroker(
      `${name}-rabbitmq`,
      {
        host,
        system: "camcops",
        service: "rabbitmq",
        containerName: `${settings.name}-rabbitmq`,
        volumeName: `${settings.name}-rabbitmq-data`,
        image: image("rabbitmq"),
        network: brokerNetwork,
        logs: settings.logs,
        timeZone: settings.timeZone,
        ...services.rabbitmq,
      },
      child,
    );

    const files = (
      suffix: string,
      contents: Record<string, pulumi.Input<string>>,
      target: string,
      own: Pick<FileVolumeArgs, "overlapping"> = {},
    ): GeneratedFiles => ({
      target,
      volume: new FileVolume(
        `${name}-${suffix}-files`,
        {
          host,
          system: "camcops",
          carrierName: `${settings.name}-${suffix}-files`,
          image: appImage,
          userId: settings.userId,
          groupId: settings.groupId,
          files: contents,
          ...own,
        },
        child,
      ),
    });

    // It exists and is protected in any case, as passwords are: giving it up never asks for the deletion of what users trust.
    const authority = new CertificateAuthority(`${name}-ca`, { commonName: `CamCOPS ${settings.name}` }, child);
    const isSigned = settings.https && certificate.kind === "private-ca";
    this.caCertificate = isSigned ? authority.certificatePem : undefined;
    const made =
      settings.https && certificate.kind !== "files"
        ? new Certificate(
            `${name}-certificate`,
            { ...certificate, subject: certificate, authority: isSigned ? authority : undefined },
            child,
          )
        : undefined;
    const own = ownCertificate(settings);
    const serverName = (certificate.kind === "files" ? own?.serverName : certificate.dnsNames[0]) ?? "localhost";
    const certificatePem = this.caCertificate ?? made?.certificatePem ?? own?.pem;
    this.flowerUrl = `http://${inUrl(reachable(settings.flower.hostAddress))}:${settings.flower.hostPort}`;
    this.summary = {
      name: "camcops",
      title: "CamCOPS",
      url: siteUrl(settings.https ? "https" : "http", serverName, settings.hostPort),
      probe: {
        address: reachable(settings.hostAddress),
        port: settings.hostPort,
        path: "/login",
        ...(settings.https && { serverName }),
        ...(certificatePem !== undefined && { certificatePem }),
      },
      superuser: settings.superuser.username,
      passwordOutput: "camcopsSuperuserPassword",
      passwordIsInitial: true,
    };

    const credentials = userPassword.apply((password) => clientOptions(settings.mysql.userName, password));
    const configText = (own: Pick<ConfigInput, "certificate" | "behindProxy"> = {}, logLevel = settings.logLevel) =>
      pulumi.all([secrets.config, sessionSecret]).apply(([secretConfig, secret]) =>
        renderConfig({
          databaseUrl: databaseUrl({
            server: database?.server ?? settings.mysql.server ?? "",
            port: database?.port ?? settings.mysql.port,
            database: settings.mysql.databaseName,
            credentialsFile,
          }),
          brokerUrl: broker.url,
          sessionSecret: secret,
          port: settings.internalPort,
          ...own,
          external: { scheme: settings.https ? "https" : "http", serverName, port: settings.hostPort },
          workerConcurrency: settings.workers.concurrency,
          timeZone: settings.timeZone,
          logLevel: logLevel === "warning" ? "warn" : logLevel,
          config: settings.config,
          secretConfig,
        }),
      );
    // CamCOPS insists on the certificate's files in every process that reads of them; only who serves it needs them. So a
    // renewed certificate replaces the server alone, or nginx.
    const config = files(
      "config",
      { [settings.configFilename]: configText(), "client.cnf": credentials },
      secretsFolder,
    );
    const serverConfig = files(
      "server",
      {
        [settings.configFilename]: configText(
          {
            certificate: settings.https && !overlapping ? certificatePaths(certificate) : undefined,
            behindProxy: overlapping,
          },
          services.camcops_server.logLevel,
        ),
        "client.cnf": credentials,
        ...(made && !overlapping && { "camcops.crt": made.certificatePem, "camcops.key": made.privateKeyPem }),
      },
      secretsFolder,
      { overlapping },
    );

    const ownFiles =
      settings.configDirectory === undefined
        ? []
        : [{ source: settings.configDirectory, target: configFolder, readOnly: true }];
    const temporary = new Volume(`${name}-temporary`, { volumeName: `${settings.name}-tmp` }, child);
    const mounts: Mount[] = [{ source: temporary, target: temporaryFolder }, ...ownFiles];
    const common: Omit<ContainerArgs, "containerName" | "memory"> = {
      host,
      system: "camcops",
      image: appImage,
      userId: settings.userId,
      groupId: settings.groupId,
      logs: settings.logs,
      timeZone: settings.timeZone,
      environment: { CAMCOPS_CONFIG_FILE: configFile },
      files: [config],
      mounts,
      networks: [{ network: databaseNetwork }, { network: brokerNetwork }],
      reachesHost: true,
    };

    const migrated = new Task(
      `${name}-upgrade-db`,
      {
        ...common,
        task: "upgrade_db",
        containerName: `${settings.name}-upgrade_db`,
        memory: services.camcops_server.memory,
        command: ["camcops-upgrade-db"],
      },
      { ...child, dependsOn: database === undefined ? [] : [database] },
    );
    const superuser = new Task(
      `${name}-superuser`,
      {
        ...common,
        task: "superuser",
        containerName: `${settings.name}-superuser`,
        memory: services.camcops_server.memory,
        files: [config, files("superuser", { password: this.superuserPassword }, superuserFolder)],
        command: ["camcops-superuser", settings.superuser.username, `${superuserFolder}/password`],
      },
      { ...child, dependsOn: [migrated] },
    );

    const service = (
      which: Exclude<ServiceName, "mysql" | "rabbitmq" | "nginx">,
      own: Pick<ServiceArgs, "command" | "healthCheck"> & Partial<ServiceArgs>,
      dependsOn: pulumi.Resource[],
    ) =>
      new Service(
        `${name}-${which}`,
        {
          ...common,
          ...services[which],
          service: which,
          containerName: `${settings.name}-${which}`,
          operations: { version: 1, shell: ["bash"] },
          ...own,
        },
        { ...child, dependsOn },
      );
    const joined = (aliases: string[]) => [
      { network: databaseNetwork, aliases },
      { network: brokerNetwork, aliases },
      { network: edgeNetwork, aliases },
    ];
    // Celery as the first process stops by itself; `camcops_server launch_…` ignores SIGTERM and takes twice the memory.
    const celery = ["celery", "--app", "camcops_server.cc_modules"];
    const logLevel = (which: "camcops_scheduler" | "camcops_workers" | "camcops_monitor") =>
      services[which].logLevel ?? settings.logLevel;

    const published = { address: settings.hostAddress, hostPort: settings.hostPort };
    const sockets = overlapping
      ? new SocketVolume(
          `${name}-sockets`,
          { volumeName: `${settings.name}-sockets`, userId: settings.userId, groupId: settings.groupId },
          child,
        )
      : undefined;
    const server = service(
      "camcops_server",
      {
        files: [serverConfig],
        // Another certificate of the user's own is read by a new server only.
        environment: {
          ...common.environment,
          ...(own && !overlapping && { CERTIFICATE_FINGERPRINT: own.fingerprint }),
          ...(sockets && { CAMCOPS_SOCKET_FOLDER: socketFolder }),
        },
        command: ["camcops-serve"],
        stopSignal: "SIGINT",
        mounts: [...mounts, ...(sockets ? [{ source: sockets, target: socketFolder }] : [])],
        networks: joined(["camcops_server"]),
        takesOver: sockets && ["camcops-take-over"],
        ports: overlapping ? [] : [{ ...published, containerPort: settings.internalPort }],
        healthCheck: {
          command: ["camcops-health", "server"],
          intervalSeconds: 5,
          timeoutSeconds: 10,
          startPeriodSeconds: 240,
        },
        operations: {
          version: 1,
          main: true,
          shell: ["bash"],
          ...(settings.https && {
            certificate: certificate.kind === "files" ? {} : { renewalDays: certificate.earlyRenewalDays },
          }),
          actions: {
            [superuserActions.create]: ["camcops-superuser", "--create"],
            [superuserActions.password]: ["camcops-superuser", "--password"],
          },
        },
      },
      [superuser, broker],
    );
    if (sockets !== undefined) {
      new ReverseProxy(
        `${name}-nginx`,
        {
          host,
          system: "camcops",
          service: "nginx",
          containerName: `${settings.name}-nginx`,
          image: image("nginx"),
          networks: [],
          published: { network: network("front", "edge"), ...published },
          routes: [{ path: "/", to: { sockets, socket: "current" } }],
          tls:
            certificate.kind === "files"
              ? {
                  certificate: certificate.certificate,
                  privateKey: certificate.privateKey,
                  mounts: ownFiles,
                  fingerprint: own?.fingerprint,
                }
              : made,
          user: { userId: settings.userId, groupId: settings.groupId },
          logs: settings.logs,
          timeZone: settings.timeZone,
          ...services.nginx,
        },
        { ...child, dependsOn: [server] },
      );
    }
    service(
      "camcops_scheduler",
      {
        command: [
          ...celery,
          "beat",
          `--schedule=${lockFolder}/camcops_celerybeat_schedule`,
          "--pidfile=/tmp/celerybeat.pid",
          `--loglevel=${logLevel("camcops_scheduler").toUpperCase()}`,
          ...schedulerArguments({ config: settings.config }),
        ],
        cpuShares: 512,
        healthCheck: {
          command: ["camcops-health", "scheduler"],
          intervalSeconds: 10,
          timeoutSeconds: 10,
          startPeriodSeconds: 240,
        },
      },
      [migrated, broker],
    );
    service(
      "camcops_workers",
      {
        replicas: settings.workers.replicas,
        command: [
          ...celery,
          "worker",
          "-O",
          "fair",
          "--soft-time-limit=300",
          `--loglevel=${logLevel("camcops_workers").toUpperCase()}`,
          ...workerArguments({ config: settings.config, workerConcurrency: settings.workers.concurrency }),
        ],
        // Workers send mail and export to other servers.
        networks: joined(["camcops_workers"]),
        cpuShares: 512,
        healthCheck: {
          command: ["camcops-health", "workers"],
          intervalSeconds: 10,
          timeoutSeconds: 30,
          startPeriodSeconds: 240,
        },
      },
      [migrated, broker],
    );
    service(
      "camcops_monitor",
      {
        files: [
          config,
          files(
            "flower",
            {
              login: this.flowerPassword.apply((password) => `${settings.flower.username}:${password}`),
            },
            flowerFolder,
          ),
        ],
        environment: { ...common.environment, FLOWER_LOGIN_FILE: `${flowerFolder}/login` },
        command: [...celery, "flower", "--conf=/camcops/flowerconfig.py", `--logging=${logLevel("camcops_monitor")}`],
        networks: joined(["camcops_monitor"]),
        ports: [{ address: settings.flower.hostAddress, hostPort: settings.flower.hostPort, containerPort: 5555 }],
        cpuShares: 512,
        healthCheck: {
          command: ["camcops-health", "monitor"],
          intervalSeconds: 10,
          timeoutSeconds: 10,
          startPeriodSeconds: 240,
        },
      },
      [broker],
    );

    this.registerOutputs({ summary: this.summary });
  }
}

function certificatePaths(certificate: CamcopsSettings["certificate"]) {
  return certificate.kind === "files"
    ? { certificateFile: certificate.certificate, privateKeyFile: certificate.privateKey }
    : { certificateFile: `${secretsFolder}/camcops.crt`, privateKeyFile: `${secretsFolder}/camcops.key` };
}
