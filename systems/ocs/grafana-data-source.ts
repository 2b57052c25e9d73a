import { stringify } from "yaml";

/** Where Grafana finds InfluxDB. */
export interface DataSourceArgs {
  /** Address of InfluxDB, such as `http://influxdb:8086`. */
  url: string;
  database: string;
}

/**
 * The file that tells Grafana of InfluxDB.
 *
 * Source: Grafana's documentation, "Configure the InfluxDB data source", on provisioning with InfluxQL.
 */
export function grafanaDataSource({ url, database }: DataSourceArgs): string {
  return stringify({
    apiVersion: 1,
    datasources: [
      {
        name: "InfluxDB",
        uid: "influxdb",
        type: "influxdb",
        access: "proxy",
        url,
        isDefault: true,
        editable: false,
        jsonData: { dbName: database, httpMode: "GET" },
      },
    ],
  });
}
