import * as pulumi from "@pulumi/pulumi";
import { bundledImage } from "../../components/build.ts";
import { Host } from "../../components/host.ts";
import { Image } from "../../components/image.ts";
import { MysqlDatabase } from "../../components/mysql-database.ts";
import { Network } from "../../components/network.ts";
import { PostgresqlDatabase } from "../../components/postgresql-database.ts";
import { Secret } from "../../components/secret.ts";
import { loadSettings } from "../../settings/load.ts";

const system = "measured";

/** One database that is saved and restored, of the kind that the key `bench:database` names. It takes CamCOPS's place in a clone. */
export default function deploy() {
  const { settings } = loadSettings();
  if (settings.camcops === undefined) throw new Error("slipway:camcops is not set.");
  const { name } = settings.camcops;
  const kind = new pulumi.Config("bench").require("database") === "postgresql" ? "postgresql" : "mariadb";

  const host = new Host("host", { url: settings.host });
  const options = { providers: [host.provider] };
  const image = new Image("image", { host, source: { build: bundledImage(kind) } }, options);
  const network = new Network("net", { host, system, networkName: `${name}-net`, kind: "internal" }, options);
  const args = {
    host,
    system,
    service: "database",
    containerName: `${name}-database`,
    image,
    volumeName: `${name}-data`,
    databaseName: "measured",
    userName: "clerk",
    userPassword: new Secret("password", {}, options).value,
    network,
    memory: 1024,
  };
  if (kind === "postgresql") new PostgresqlDatabase("database", args, options);
  else {
    const rootPassword = new Secret("root-password", {}, options).value;
    new MysqlDatabase("database", { ...args, rootPassword }, options);
  }
  return {};
}
