import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { Image } from "../../components/image.ts";
import { Network } from "../../components/network.ts";
import { nginxConfig } from "../../components/nginx-config.ts";
import { ReverseProxy, type ReverseProxyArgs } from "../../components/reverse-proxy.ts";
import { SocketVolume } from "../../components/socket-volume.ts";
import { Volume } from "../../components/volume.ts";
import { hardened, hardenedOptions } from "../hardened.ts";
import { named, recordOnHost, tree } from "../recorded.ts";

function recordProxy(own: Partial<ReverseProxyArgs> = {}) {
  return recordFor(() => own);
}

async function recordFor(own: (options: pulumi.ComponentResourceOptions) => Partial<ReverseProxyArgs>) {
  const recorded = await recordOnHost((host, options) => {
    const network = (name: string, kind: "internal" | "edge") =>
      new Network(name, { host, system: "shop", networkName: `shop_${name}`, kind }, options);
    new ReverseProxy(
      "proxy",
      {
        host,
        system: "shop",
        service: "nginx",
        containerName: "shop_nginx",
        image: new Image("image", { host, source: { pull: "nginx:1" } }, options),
        networks: [network("app", "internal")],
        published: { network: network("edge", "edge"), address: "127.0.0.1", hostPort: 1337 },
        routes: [
          { path: "/", to: { upstream: "http://web:8000" } },
          { path: "/static/", to: { files: new Volume("static", { volumeName: "shop_static" }, options) } },
        ],
        memory: 128,
        ...own(options),
      },
      options,
    );
  });
  return recorded.filter(({ name }) => name.startsWith("proxy"));
}

const routes = [
  { path: "/", to: { upstream: "http://web:8000" } },
  { path: "/static/", to: { folder: "/srv/static" } },
];

describe("ReverseProxy", () => {
  it("is made of its configuration and a service", async () => {
    assert.deepEqual(tree(await recordProxy()), [
      ["slipway:index:ReverseProxy", "proxy", undefined],
      ["slipway:index:FileVolume", "proxy-files", "proxy"],
      ["docker:index/container:Container", "proxy-files-carrier", "proxy-files"],
      ["docker:index/volume:Volume", "proxy-files-volume", "proxy-files"],
      ["slipway:index:Service", "proxy-service", "proxy"],
      ["docker:index/container:Container", "proxy-service-container", "proxy-service"],
      ["random:index/randomId:RandomId", "proxy-service-healthy", "proxy-service"],
    ]);
  });

  it("reads its configuration and the volume's files only, and is the only one on the edge", async () => {
    const recorded = await recordProxy({ restart: "no", logs: { maxSize: 1, maxFiles: 2 }, timeZone: "Europe/London" });
    const { uploads } = named(recorded, "proxy-files-carrier").inputs;
    assert.deepEqual(uploads, {
      secret: [{ file: "/files/nginx.conf", content: nginxConfig(routes), permissions: "0400" }],
    });
    const carrier = named(recorded, "proxy-files-carrier").id;
    const { inputs, options } = named(recorded, "proxy-service-container");
    assert.deepEqual(inputs, {
      ...hardened({
        name: "shop_nginx",
        reference: "nginx:1",
        user: 101,
        own: {
          "slipway.service": "nginx",
          "slipway.operations": '{"version":1,"shell":["bash"]}',
          "slipway.files": carrier,
        },
      }),
      envs: ["TZ=Europe/London"],
      command: ["nginx", "-c", "/run/nginx/nginx.conf", "-g", "daemon off;"],
      volumes: [
        { containerPath: "/srv/static", readOnly: true, volumeName: "shop_static" },
        {
          containerPath: "/run/nginx",
          readOnly: true,
          volumeName: named(recorded, "proxy-files-volume").inputs["name"],
        },
      ],
      networksAdvanced: [
        { name: "shop_app", aliases: ["nginx"] },
        { name: "shop_edge", aliases: ["nginx"] },
      ],
      ports: [{ ip: "127.0.0.1", external: 1337, internal: 8080 }],
      memory: 128,
      restart: "no",
      logOpts: { "max-size": "1m", "max-file": "2" },
      stopSignal: "SIGQUIT",
      healthcheck: {
        tests: [
          "CMD",
          "bash",
          "-c",
          "exec 3<>/dev/tcp/127.0.0.1/8081; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; grep --quiet ' 204 ' <&3",
        ],
        interval: "3s",
        timeout: "5s",
        retries: 3,
        startPeriod: "1m0s",
      },
    });
    assert.deepEqual(options, {
      ...hardenedOptions,
      hooks: ["beforeCreate"],
      dependsOn: [
        "app-network",
        "edge-network",
        "host-state",
        "image-image",
        "proxy-files-carrier",
        "proxy-files-volume",
        "static-volume",
      ],
    });
  });
});

describe("ReverseProxy before a socket", () => {
  it("mounts the folder, and hands requests on to the socket", async () => {
    const recorded = await recordFor((options) => ({
      routes: [
        {
          path: "/",
          to: {
            sockets: new SocketVolume("sockets", { volumeName: "shop_sockets", userId: 7, groupId: 8 }, options),
            socket: "current",
          },
        },
      ],
    }));
    const { volumes } = named(recorded, "proxy-service-container").inputs as { volumes: unknown[] };
    assert.deepEqual(volumes[0], { volumeName: "shop_sockets", containerPath: "/run/sockets", readOnly: true });
    const { uploads } = named(recorded, "proxy-files-carrier").inputs as { uploads: { secret: { content: string }[] } };
    assert.equal(
      uploads.secret[0]?.content,
      nginxConfig([{ path: "/", to: { upstream: "http://unix:/run/sockets/current" } }]),
    );
  });
});

describe("ReverseProxy with TLS", () => {
  const tls = { certificate: "/etc/site/site.crt", privateKey: "/etc/site/site.key" };

  it("holds a certificate that the stack made, and its key, which only its user can read", async () => {
    const recorded = await recordProxy({
      tls: { certificatePem: pulumi.output("a certificate"), privateKeyPem: pulumi.secret("a key") },
      user: { userId: 7, groupId: 8 },
    });
    const made = { certificate: "/run/nginx/tls.crt", privateKey: "/run/nginx/tls.key" };
    assert.deepEqual(named(recorded, "proxy-files-carrier").inputs["uploads"], {
      secret: [
        { file: "/files/nginx.conf", content: nginxConfig(routes, made), permissions: "0400" },
        { file: "/files/tls.crt", content: "a certificate", permissions: "0400" },
        { file: "/files/tls.key", content: "a key", permissions: "0400" },
      ],
    });
    assert.equal(named(recorded, "proxy-service-container").inputs["user"], "7:8");
  });

  it("reads the user's own files where they are, and starts anew for another certificate", async () => {
    const mount = { source: "/srv/site", target: "/etc/site", readOnly: true };
    const record = (fingerprint?: string) => recordProxy({ tls: { ...tls, mounts: [mount], fingerprint } });
    const recorded = await record("AB:CD");
    assert.deepEqual(named(recorded, "proxy-files-carrier").inputs["uploads"], {
      secret: [{ file: "/files/nginx.conf", content: nginxConfig(routes, tls), permissions: "0400" }],
    });
    const { volumes, envs } = named(recorded, "proxy-service-container").inputs as {
      volumes: unknown[];
      envs: unknown;
    };
    assert.deepEqual(volumes[1], { hostPath: "/srv/site", containerPath: "/etc/site", readOnly: true });
    assert.deepEqual(envs, ["TZ=UTC", "CERTIFICATE_FINGERPRINT=AB:CD"]);
    assert.deepEqual(named(await record(), "proxy-service-container").inputs["envs"], ["TZ=UTC"]);
  });
});

describe("nginxConfig", () => {
  const locations = (text: string) => /listen 8080;\n([^]*)\n {4}\}\n\}\n$/.exec(text)?.[1];

  it("hands requests on to services that may be away, and answers others from folders", () => {
    assert.equal(
      locations(nginxConfig(routes)),
      [
        "        location / {",
        "            set $upstream http://web:8000;",
        "            proxy_pass $upstream;",
        "        }",
        "        location /static/ {",
        "            alias /srv/static/;",
        "        }",
      ].join("\n"),
    );
  });

  it("speaks HTTPS alone where it has a certificate", () => {
    const text = nginxConfig(routes, { certificate: "/c", privateKey: "/k" });
    assert.match(text, /listen 8080 ssl;\n +ssl_certificate \/c;\n +ssl_certificate_key \/k;\n/);
    assert.doesNotMatch(text, /listen 8080;/);
    assert.doesNotMatch(nginxConfig(routes), /ssl/);
  });

  it("leaves WebSockets open where a route has them", () => {
    const route = { path: "/live/", to: { upstream: "http://live:80" }, webSockets: true };
    assert.match(
      locations(nginxConfig([route])) ?? "",
      /proxy_pass \$upstream;\n +proxy_read_timeout 1d;\n +proxy_send_timeout 1d;/,
    );
  });
});
