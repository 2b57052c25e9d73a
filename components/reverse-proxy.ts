import * as pulumi from "@pulumi/pulumi";
import { FileVolume } from "./file-volume.ts";
import type { Host } from "./host.ts";
import type { Image } from "./image.ts";
import type { Network } from "./network.ts";
import { nginxConfig, nginxHealthPort, nginxPort, type NginxRoute } from "./nginx-config.ts";
import { Service, type ServiceTerms } from "./service.ts";
import type { Volume } from "./volume.ts";

/** The user that nginx runs as, in the official image and in `images/nginx`. */
const nginxUser = 101;

const configFolder = "/run/nginx";

export interface ProxyRoute extends Omit<NginxRoute, "to"> {
  /** A service by its name on one of `networks`, and its port, such as `http://web:8000`; or a volume's files. */
  to: { upstream: string } | { files: Volume };
}

export interface ReverseProxyArgs extends ServiceTerms {
  host: Host;
  system: string;
  service: string;
  containerName: string;
  /** nginx, with the contract of its official image. */
  image: Image;
  /** Where the services are that it hands requests on to. */
  networks: Network[];
  /** Where it listens on the host, through an edge network of its own. */
  published: { network: Network; address: string; hostPort: number };
  routes: ProxyRoute[];
}

/** An nginx in front of a system's services, which it also spares the delivery of files. It speaks plain HTTP. */
export class ReverseProxy extends pulumi.ComponentResource {
  constructor(name: string, args: ReverseProxyArgs, opts?: pulumi.ComponentResourceOptions) {
    super("slipway:index:ReverseProxy", name, {}, opts);
    const { host, system, service, containerName, image, published, memory, cpus, restart, logs, timeZone } = args;
    const child = { parent: this };
    const mounts = args.routes.flatMap(({ path, to }) =>
      "files" in to ? [{ source: to.files, target: `/srv${path.slice(0, -1)}`, readOnly: true }] : [],
    );
    const routes = args.routes.map((route) => ({
      ...route,
      to: "files" in route.to ? { folder: `/srv${route.path.slice(0, -1)}` } : route.to,
    }));
    const config = new FileVolume(
      `${name}-files`,
      {
        host,
        system,
        carrierName: `${containerName}-files`,
        image,
        userId: nginxUser,
        groupId: nginxUser,
        files: { "nginx.conf": nginxConfig(routes) },
      },
      child,
    );
    new Service(
      `${name}-service`,
      {
        host,
        system,
        service,
        containerName,
        image,
        command: ["nginx", "-c", `${configFolder}/nginx.conf`, "-g", "daemon off;"],
        files: [{ volume: config, target: configFolder }],
        mounts,
        networks: [...args.networks, published.network].map((network) => ({ network, aliases: [service] })),
        ports: [{ address: published.address, hostPort: published.hostPort, containerPort: nginxPort }],
        userId: nginxUser,
        groupId: nginxUser,
        memory,
        cpus,
        restart,
        logs,
        timeZone,
        stopSignal: "SIGQUIT",
        healthCheck: {
          command: [
            "bash",
            "-c",
            `exec 3<>/dev/tcp/127.0.0.1/${nginxHealthPort}; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; grep --quiet ' 204 ' <&3`,
          ],
          intervalSeconds: 3,
          startPeriodSeconds: 60,
        },
        operations: { version: 1, shell: ["bash"] },
      },
      child,
    );
    this.registerOutputs({});
  }
}
