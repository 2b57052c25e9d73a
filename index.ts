import { Host } from "./components/host.ts";
import { loadSettings } from "./settings/load.ts";
import { Camcops } from "./systems/camcops/camcops.ts";

export default function deploy() {
  const { settings, secrets } = loadSettings();
  const host = new Host("host", { url: settings.host });
  const onHost = { providers: [host.provider] };

  const camcops =
    settings.camcops &&
    new Camcops(
      "camcops",
      {
        host,
        settings: settings.camcops,
        imageRevision: settings.imageRevision,
        secrets: {
          mysqlUserPassword: secrets.camcopsMysqlUserPassword,
          mysqlRootPassword: secrets.camcopsMysqlRootPassword,
          superuserPassword: secrets.camcopsSuperuserPassword,
          flowerPassword: secrets.camcopsFlowerPassword,
          config: secrets.camcopsSecretConfig,
        },
      },
      onHost,
    );

  return {
    systems: camcops === undefined ? [] : [camcops.summary],
    ...(camcops && {
      camcopsSuperuserPassword: camcops.superuserPassword,
      camcopsFlowerUrl: camcops.flowerUrl,
      camcopsFlowerPassword: camcops.flowerPassword,
    }),
  };
}
