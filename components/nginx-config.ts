/** Requests that nginx hands on to a service, or answers from a folder. */
export interface NginxRoute {
  /** What the paths of the requests begin with; begins and ends with `/`. Of several that fit, the longest is taken. */
  path: string;
  /**
   * A service by its name on a shared network, and its port, such as `http://web:8000`, or by its Unix socket, such as
   * `http://unix:/run/web.sock`; or a folder in the container.
   */
  to: { upstream: string } | { folder: string };
  /** Whether connections stay open without a word for long, as WebSockets do. @default false */
  webSockets?: boolean;
}

/** Files in the container, in PEM. */
export interface TlsFiles {
  /** The certificate, then those of its issuers. */
  certificate: string;
  privateKey: string;
}

/** The port in the container on which nginx answers requests. */
export const nginxPort = 8080;

/** The port of the container's loopback address on which nginx answers its health check, with 204. */
export const nginxHealthPort = 8081;

/**
 * The whole configuration of an nginx that writes to /tmp alone and to its log.
 *
 * An upstream may be away when nginx starts and may come back at another address: named by a variable, it is looked up
 * anew, in Docker's own name server. No header of a client that says where it comes from is believed. A request may have
 * 100 MiB, for uploads, and its answer may take ten minutes.
 *
 * @param tls without it, nginx speaks plain HTTP
 */
export function nginxConfig(routes: readonly NginxRoute[], tls?: TlsFiles): string {
  return `pid /tmp/nginx.pid;
error_log stderr warn;
worker_shutdown_timeout 10s;
events {}
http {
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log /dev/stdout;
    server_tokens off;
    client_max_body_size 100m;
    client_body_temp_path /tmp/client_body;
    proxy_temp_path /tmp/proxy;
    fastcgi_temp_path /tmp/fastcgi;
    uwsgi_temp_path /tmp/uwsgi;
    scgi_temp_path /tmp/scgi;
    resolver 127.0.0.11 valid=5s ipv6=off;
    map $http_upgrade $connection_upgrade {
        default upgrade;
        "" "";
    }
    proxy_read_timeout 10m;
    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Host $http_host;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $connection_upgrade;
    server {
        listen 127.0.0.1:${nginxHealthPort};
        access_log off;
        return 204;
    }
    server {
        listen ${nginxPort}${tls === undefined ? "" : " ssl"};
${tls === undefined ? "" : tlsLines(tls)}${routes.map(location).join("")}    }
}
`;
}

function tlsLines({ certificate, privateKey }: TlsFiles): string {
  return [
    `ssl_certificate ${certificate};`,
    `ssl_certificate_key ${privateKey};`,
    "ssl_protocols TLSv1.2 TLSv1.3;",
    "ssl_session_cache shared:tls:2m;",
    "error_page 497 =301 https://$http_host$request_uri;",
  ]
    .map((line) => `        ${line}\n`)
    .join("");
}

function location({ path, to, webSockets = false }: NginxRoute): string {
  const lines =
    "folder" in to
      ? [`alias ${to.folder}/;`]
      : [
          `set $upstream ${to.upstream};`,
          "proxy_pass $upstream;",
          ...(webSockets ? ["proxy_read_timeout 1d;", "proxy_send_timeout 1d;"] : []),
        ];
  return [`location ${path} {`, ...lines.map((line) => `    ${line}`), "}"].map((line) => `        ${line}\n`).join("");
}
