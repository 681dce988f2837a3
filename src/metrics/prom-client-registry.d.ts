// The one file of prom-client that is used, which the package describes at its own entry only.
declare module 'prom-client/lib/registry.js' {
  import { Registry } from 'prom-client'
  export default Registry
}
