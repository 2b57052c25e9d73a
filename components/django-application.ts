import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import type { ContainerArgs, GeneratedFiles, Mount, NetworkMembership } from "./container.ts";
import { FileVolume } from "./file-volume.ts";
import { savedMounts, superuserActions } from "./operations.ts";
import { Service, type PublishedPort, type ServiceTerms } from "./service.ts";
import { socketFolder, type SocketVolume } from "./socket-volume.ts";
import { Task } from "./task.ts";
import type { Volume } from "./volume.ts";

const secretsFolder = "/run/secrets";
const superuserFolder = "/run/superuser";

/** The port in the container on which the application listens, under Django's own server and under its image's. */
export const djangoPort = 8000;

const superuserScript = readFileSync(new URL("django-superuser.py", import.meta.url), "utf8");

const takeOverScript = readFileSync(new URL("django-take-over.py", import.meta.url), "utf8");

/** Takes the user's name as one more argument. */
function superuserCommand(action: "ensure" | "create" | "password", passwordFile: string): string[] {
  return ["python", "-c", superuserScript, action, passwordFile];
}

/** Answers 0 where a page is answered with a status below 400. */
const fetchScript = "import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=4)";

export interface DjangoApplicationArgs
  extends Pick<ContainerArgs, "host" | "system" | "image" | "userId" | "groupId">, ServiceTerms {
  /** The service's name, by which others reach it. */
  service: string;
  /** What the names of its containers begin with, before a hyphen. */
  prefix: string;
  /** The name of the service's own container. @default `prefix`, a hyphen and `service` */
  containerName?: string | undefined;
  /** The networks of service and tasks alike: where database and proxy are. */
  networks: NetworkMembership["network"][];
  /** Publishes the application itself, past the proxy, through an edge network of its own. @default not published */
  published?: { network: NetworkMembership["network"]; address: string; hostPort: number } | undefined;
  database: { server: string; port: number; name: string; userName: string; password: pulumi.Output<string> };
  /** Signs sessions: another one logs everybody out. */
  secretKey: pulumi.Output<string>;
  /** Further variables. @default none */
  environment?: Record<string, pulumi.Input<string>>;
  /** Further secrets; the variable `<NAME>_FILE` names the file of each. @default none */
  secrets?: Record<string, pulumi.Input<string>>;
  /** Names by which the application may be addressed. The container's own loopback address is added. */
  allowedHosts: string[];
  /** Addresses, with scheme, under which another web server publishes it. @default none */
  trustedOrigins?: string[];
  /** The Python module of its settings. @default the image's `DJANGO_SETTINGS_MODULE` */
  settingsModule?: string | undefined;
  /** Path of a page that tells whether it works: no login, and 200 on an empty database too. */
  healthPath: string;
  /**
   * Whether Django's own server runs, with debugging, which starts anew when the code changes; if not, the image's own
   * command.
   */
  isDeveloped: boolean;
  /** The folder of the host with the code, and where the image has it. @default the image's own code */
  code?: { folder: string; target: string } | undefined;
  /** Volumes for what the application itself keeps, such as uploads. @default none */
  data?: Mount[];
  /**
   * Where the application's server also listens, so that it is replaced without an interruption: nginx finds it by the socket
   * `current` there, as the application's user. Its image has to bind the socket
   * `$DJANGO_SOCKET_FOLDER/$SERVICE_INSTANCE.sock` where the first of these variables is set, and to finish what it has begun
   * at SIGTERM. @default it listens on its port alone, and the former container goes before the new one comes
   */
  sockets?: SocketVolume | undefined;
  /** Takes what `collectstatic` collects, for a web server to deliver. @default nothing is collected */
  staticFiles?: Volume | undefined;
  /**
   * Whether each deployment that changes the application migrates the database and makes the superuser. If not, both are
   * tasks that are run by hand.
   */
  migrates: boolean;
  /** Whether it also empties all tables, after the migration. Caution: all data are lost. @default false */
  flushesDatabase?: boolean;
  /** Created where no user of that name exists, and never changed. */
  superuser: { username: string; password: pulumi.Output<string> };
}

/**
 * A Django application with its tasks: migration, first superuser, static files.
 *
 * It is told what differs by environment variables, and its secrets by files: `DJANGO_SECRET_KEY_FILE`, `POSTGRES_HOST`,
 * `POSTGRES_PORT`, `POSTGRES_DB`, `POSTGRES_USER`, `POSTGRES_PASSWORD_FILE`, `ALLOWED_HOSTS`, `CSRF_TRUSTED_ORIGINS`,
 * `DEBUG`, `DJANGO_STATIC_ROOT`. `templates/django` is one that reads them.
 */
export class DjangoApplication extends pulumi.ComponentResource {
  constructor(name: string, args: DjangoApplicationArgs, opts?: pulumi.ComponentResourceOptions) {
    super("slipway:index:DjangoApplication", name, {}, opts);
    const { host, system, image, userId, groupId, memory, cpus, logs, timeZone } = args;
    const { service, prefix, database, isDeveloped, code, staticFiles, sockets, published, migrates } = args;
    const child = { parent: this };
    const files = (
      suffix: string,
      contents: Record<string, pulumi.Input<string>>,
      target: string,
      overlapping = false,
    ): GeneratedFiles => ({
      target,
      volume: new FileVolume(
        `${name}-${suffix}-files`,
        {
          ...{ host, system, image, userId, groupId, overlapping },
          carrierName: `${prefix}-${suffix}-files`,
          files: contents,
        },
        child,
      ),
    });

    const secrets: Record<string, pulumi.Input<string>> = {
      DJANGO_SECRET_KEY: args.secretKey,
      POSTGRES_PASSWORD: database.password,
      ...args.secrets,
    };
    const fileName = (secret: string) => secret.toLowerCase().replaceAll("_", "-");
    const config = files(
      service,
      Object.fromEntries(Object.entries(secrets).map(([secret, value]) => [fileName(secret), value])),
      secretsFolder,
      sockets !== undefined,
    );
    const staticFolder = `/srv/static`;
    const common = {
      host,
      system,
      image,
      userId,
      groupId,
      memory,
      cpus,
      logs,
      timeZone,
      environment: {
        ...Object.fromEntries(
          Object.keys(secrets).map((secret) => [`${secret}_FILE`, `${secretsFolder}/${fileName(secret)}`]),
        ),
        ...(args.settingsModule !== undefined && { DJANGO_SETTINGS_MODULE: args.settingsModule }),
        POSTGRES_HOST: database.server,
        POSTGRES_PORT: String(database.port),
        POSTGRES_DB: database.name,
        POSTGRES_USER: database.userName,
        ALLOWED_HOSTS: [...new Set([...args.allowedHosts, "127.0.0.1"])].join(","),
        CSRF_TRUSTED_ORIGINS: (args.trustedOrigins ?? []).join(","),
        DEBUG: String(isDeveloped),
        DJANGO_STATIC_ROOT: staticFolder,
        ...args.environment,
      },
      files: [config],
      mounts: [...(code === undefined ? [] : [{ source: code.folder, target: code.target }]), ...(args.data ?? [])],
      networks: args.networks.map((network) => ({ network })),
    };
    const manage = (...command: string[]) => ["python", "manage.py", ...command];
    const task = (
      which: string,
      own: Partial<ContainerArgs> & { manual?: boolean },
      dependsOn: pulumi.Resource[] = [],
    ) =>
      new Task(
        `${name}-${which}`,
        { ...common, task: which, containerName: `${prefix}-${which}`, ...own },
        { ...child, dependsOn },
      );

    const migrated = task("migrate", { command: manage("migrate", "--no-input"), manual: !migrates });
    const flushed =
      args.flushesDatabase === true ? task("flush", { command: manage("flush", "--no-input") }, [migrated]) : undefined;
    const superuser = task(
      "superuser",
      {
        command: [...superuserCommand("ensure", `${superuserFolder}/password`), args.superuser.username],
        files: [config, files("superuser", { password: args.superuser.password }, superuserFolder)],
        // Where the tables are emptied, the user has to be made anew.
        environment: { ...common.environment, ...(flushed && { FLUSHED_BY: flushed.revision }) },
        manual: !migrates,
      },
      [migrated],
    );
    const collected =
      staticFiles &&
      task("collectstatic", {
        command: manage("collectstatic", "--no-input"),
        mounts: [...common.mounts, { source: staticFiles, target: staticFolder }],
      });
    const page = `http://127.0.0.1:${djangoPort}${args.healthPath}`;
    const ports: PublishedPort[] =
      published === undefined
        ? []
        : [{ address: published.address, hostPort: published.hostPort, containerPort: djangoPort }];
    new Service(
      `${name}-service`,
      {
        ...common,
        service,
        containerName: args.containerName ?? `${prefix}-${service}`,
        ...(isDeveloped && { command: manage("runserver", `0.0.0.0:${djangoPort}`) }),
        ...(sockets && {
          environment: { ...common.environment, DJANGO_SOCKET_FOLDER: socketFolder },
          mounts: [...common.mounts, { source: sockets, target: socketFolder }],
          takesOver: ["python", "-c", takeOverScript],
        }),
        networks: [...args.networks, ...(published === undefined ? [] : [published.network])].map((network) => ({
          network,
          aliases: [service],
        })),
        ports,
        restart: args.restart,
        healthCheck: {
          command: ["python", "-c", sockets === undefined ? fetchScript : takeOverScript, page],
          startPeriodSeconds: 120,
        },
        operations: {
          version: 1,
          main: true,
          shell: ["bash"],
          ...savedMounts(args.data ?? []),
          actions: {
            [superuserActions.create]: superuserCommand("create", "/dev/stdin"),
            [superuserActions.password]: superuserCommand("password", "/dev/stdin"),
          },
        },
      },
      { ...child, dependsOn: [migrated, superuser, ...(collected ? [collected] : [])] },
    );
    this.registerOutputs({});
  }
}
