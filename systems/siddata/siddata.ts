import * as pulumi from "@pulumi/pulumi";
import { DjangoApplication, djangoPort } from "../../components/django-application.ts";
import type { Host } from "../../components/host.ts";
import { PostgresqlDatabase } from "../../components/postgresql-database.ts";
import { ReverseProxy } from "../../components/reverse-proxy.ts";
import { Secret } from "../../components/secret.ts";
import { Service } from "../../components/service.ts";
import { SocketVolume } from "../../components/socket-volume.ts";
import { Volume } from "../../components/volume.ts";
import { environments, type Environment } from "../../settings/environment.ts";
import type { SiddataSettings } from "../../settings/siddata/settings.ts";
import { siddataSystem } from "../../settings/siddata/system.ts";
import { applicationFolder } from "../../settings/django.ts";
import { imagesOf } from "../../settings/system.ts";
import { inUrl, reachable, siteUrl } from "../host-address.ts";
import { partsOf } from "../parts.ts";
import type { SystemSummary } from "../summary.ts";

/** Each service's name, and the name of its container in Siddata's own documentation, "Howto: Docker". */
const documentedNames = {
  backend: "siddata_server_backend_1",
  db: "siddata_server_db_1",
  adminer: "docker_pgres_adminer_1",
  tf_serving: "siddata_tfserving_1",
  proxy: "siddata_server_proxy_1",
} as const;

type ServiceName = keyof typeof documentedNames;

/** Where the models stand in TF Serving's container, as its image has it. */
const modelsFolder = "/models";

/** The secrets that a user may choose; what is not given is generated. */
export interface SiddataSecrets {
  databasePassword?: pulumi.Output<string> | undefined;
  secretKey?: pulumi.Output<string> | undefined;
  superuserPassword?: pulumi.Output<string> | undefined;
}

/** What Siddata is deployed with. */
export interface SiddataArgs {
  host: Host;
  settings: SiddataSettings;
  environment: Environment;
  secrets: SiddataSecrets;
  /** See `BuildContext.revision`. */
  imageRevision?: string | undefined;
}

/**
 * Siddata's server: a Django application with its database and TF Serving; in dev published service by service, with
 * Adminer; elsewhere behind nginx, which alone is published.
 *
 * Source of its services, names and ports: "Howto: Docker" in Siddata's documentation.
 */
export class Siddata extends pulumi.ComponentResource {
  readonly summary: SystemSummary;
  readonly superuserPassword: pulumi.Output<string>;
  readonly databasePassword: pulumi.Output<string>;
  /** Where Adminer's form for the login at the database is, if there is Adminer. */
  readonly adminerUrl: string | undefined;

  constructor(name: string, args: SiddataArgs, opts?: pulumi.ComponentResourceOptions) {
    super("slipway:siddata:Siddata", name, {}, opts);
    const { host, settings, environment, secrets, imageRevision } = args;
    const { backend, db, adminer, tfServing, proxy, services } = settings;
    const { isForDevelopment } = environments[environment];
    const child = { parent: this };
    const { image, network } = partsOf({
      parent: this,
      name,
      host,
      system: "siddata",
      prefix: settings.name,
      sources: imagesOf(siddataSystem.images(settings, environment), settings),
      imageRevision,
    });
    const volume = (suffix: string) =>
      new Volume(`${name}-${suffix}`, { volumeName: `${settings.name}-${suffix}` }, child);
    const secret = (suffix: string, given: pulumi.Output<string> | undefined, length?: number) =>
      new Secret(`${name}-${suffix}`, { given, ...(length !== undefined && { length }) }, child).value;
    const common = (service: ServiceName) => ({
      host,
      system: "siddata",
      service,
      containerName: settings.documentedNames ? documentedNames[service] : `${settings.name}-${service}`,
      logs: settings.logs,
      timeZone: settings.timeZone,
    });
    const user = { userId: settings.userId, groupId: settings.groupId };

    this.databasePassword = secret("database-password", secrets.databasePassword);
    this.superuserPassword = secret("superuser-password", secrets.superuserPassword);

    const databaseNetwork = network("database", "internal");
    const database = new PostgresqlDatabase(
      `${name}-db`,
      {
        ...common("db"),
        volumeName: db.volume ?? `${settings.name}-db-data`,
        volumeExists: db.volume !== undefined,
        ...(db.volumeFolder !== undefined && { volumeFolder: db.volumeFolder }),
        image: image("db"),
        databaseName: db.databaseName,
        userName: db.userName,
        userPassword: this.databasePassword,
        createsDatabases: isForDevelopment,
        network: databaseNetwork,
        published: isForDevelopment
          ? { network: network("db-edge", "edge"), address: db.hostAddress, hostPort: db.hostPort }
          : undefined,
        ...services.db,
      },
      child,
    );

    const modelNetwork = tfServing.container ? network("models", "internal") : undefined;
    const model =
      modelNetwork &&
      new Service(
        `${name}-tf-serving`,
        {
          ...common("tf_serving"),
          image: image("tfServing"),
          environment: { MODEL_NAME: tfServing.modelName },
          mounts: [{ source: tfServing.modelFolder ?? volume("models"), target: modelsFolder, readOnly: true }],
          networks: [
            { network: modelNetwork, aliases: ["tf_serving"] },
            ...(isForDevelopment ? [{ network: network("tf-serving-edge", "edge") }] : []),
          ],
          ports: isForDevelopment
            ? [
                { address: tfServing.grpc.hostAddress, hostPort: tfServing.grpc.hostPort, containerPort: 8500 },
                { address: tfServing.rest.hostAddress, hostPort: tfServing.rest.hostPort, containerPort: 8501 },
              ]
            : [],
          ...user,
          ...services.tfServing,
          healthCheck: {
            // Its image has no client for HTTP. The answer is the state of the model's versions, as JSON.
            command: [
              "bash",
              "-c",
              "exec 3<>/dev/tcp/127.0.0.1/8501; " +
                `printf 'GET /v1/models/%s HTTP/1.0\\r\\n\\r\\n' "$MODEL_NAME" >&3; grep --quiet AVAILABLE <&3`,
            ],
            startPeriodSeconds: 240,
          },
          operations: { version: 1, shell: ["bash"] },
        },
        child,
      );

    const published = isForDevelopment ? backend : proxy;
    const address = reachable(published.hostAddress);
    const proxyNetwork = isForDevelopment ? undefined : network("web", "internal");
    const staticFiles = isForDevelopment ? undefined : volume("static");
    const sockets = backend.withoutDowntime
      ? new SocketVolume(`${name}-sockets`, { volumeName: `${settings.name}-sockets`, ...user }, child)
      : undefined;
    // The backend asks other servers for what it recommends.
    const backendEdge = network("backend-edge", "edge");
    const folder = isForDevelopment ? applicationFolder(settings.backend.folder, settings.images.backend) : undefined;
    const application = new DjangoApplication(
      `${name}-backend`,
      {
        ...common("backend"),
        prefix: settings.name,
        image: image("backend"),
        ...user,
        networks: [
          databaseNetwork,
          ...(modelNetwork ? [modelNetwork] : []),
          ...(proxyNetwork ? [proxyNetwork, backendEdge] : []),
        ],
        published: isForDevelopment
          ? { network: backendEdge, address: backend.hostAddress, hostPort: backend.hostPort }
          : undefined,
        database: {
          server: database.server,
          port: database.port,
          name: db.databaseName,
          userName: db.userName,
          password: this.databasePassword,
        },
        secretKey: secret("secret-key", secrets.secretKey, 64),
        environment: backend.environment,
        allowedHosts: [...backend.allowedHosts, address],
        trustedOrigins: backend.trustedOrigins,
        settingsModule: backend.settingsModule,
        healthPath: backend.healthPath,
        isDeveloped: isForDevelopment,
        code: folder === undefined ? undefined : { folder, target: backend.codePath },
        data: backend.dataFolders.map((path) => ({ source: volume(path.slice(1).replaceAll("/", "-")), target: path })),
        staticFiles,
        sockets,
        migrates: backend.migrate ?? isForDevelopment,
        superuser: { username: settings.superuser.username, password: this.superuserPassword },
        ...services.backend,
      },
      { ...child, dependsOn: [database, ...(model ? [model] : [])] },
    );

    if (isForDevelopment && adminer.container) {
      new Service(
        `${name}-adminer`,
        {
          ...common("adminer"),
          image: image("adminer"),
          networks: [{ network: databaseNetwork }, { network: network("adminer-edge", "edge") }],
          ports: [{ address: adminer.hostAddress, hostPort: adminer.hostPort, containerPort: 8080 }],
          ...user,
          ...services.adminer,
          stopSignal: "SIGINT",
          healthCheck: {
            command: ["php", "-r", 'exit(@file_get_contents("http://127.0.0.1:8080/") === false ? 1 : 0);'],
            startPeriodSeconds: 60,
          },
          operations: { version: 1, shell: ["bash"] },
        },
        child,
      );
      const login = new URLSearchParams({ pgsql: database.server, username: db.userName, db: db.databaseName });
      this.adminerUrl = `http://${inUrl(reachable(adminer.hostAddress))}:${adminer.hostPort}/?${login.toString()}`;
    }

    if (proxyNetwork && staticFiles) {
      new ReverseProxy(
        `${name}-proxy`,
        {
          ...common("proxy"),
          image: image("proxy"),
          networks: [proxyNetwork],
          published: {
            network: network("proxy-edge", "edge"),
            address: proxy.hostAddress,
            hostPort: proxy.hostPort,
          },
          routes: [
            { path: "/", to: sockets ? { sockets, socket: "current" } : { upstream: `http://backend:${djangoPort}` } },
            { path: "/static/", to: { files: staticFiles } },
          ],
          ...(sockets && { user }),
          ...services.proxy,
        },
        { ...child, dependsOn: [application] },
      );
    }

    const [siteName = address] = backend.allowedHosts;
    this.summary = {
      name: "siddata",
      title: "Siddata",
      url: siteUrl("http", siteName.replace(/^\./, ""), published.hostPort),
      probe: { address, port: published.hostPort, path: backend.healthPath },
      superuser: settings.superuser.username,
      passwordOutput: "siddataSuperuserPassword",
      passwordIsInitial: true,
    };
    this.registerOutputs({ summary: this.summary });
  }
}
