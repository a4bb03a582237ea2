// Loaded into the proxy before it begins: what no page of somebody's server may tell a browser.
"use strict";

const { ServerResponse } = require("node:http");

// Everybody's servers share one address. A service worker stands between a browser and whatever its scope
// takes in, and this header lets a server widen that from its own pages to everybody's, the log-in too.
const REFUSED = "service-worker-allowed";

const { setHeader } = ServerResponse.prototype;

ServerResponse.prototype.setHeader = function (name, value) {
  return String(name).toLowerCase() === REFUSED ? this : setHeader.call(this, name, value);
};
