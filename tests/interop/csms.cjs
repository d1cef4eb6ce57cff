// A CSMS made of the npm package ocpp-rpc in strict mode, told what to ask on standard input.
//
//   node csms.cjs FOLDER        FOLDER has node_modules/ocpp-rpc
//
// It listens on a free port of loopback for ocpp1.6 and ocpp2.0.1, answers every message of a
// station as a sound CSMS would, and lets the package check both directions against its schemas.
// One JSON object a line. Out: {"port"}, {"station": connected}, {"id", "result" | "error"} for
// each command, {"report"} when asked. In: {"id", "station", "method", "params"}, {"report": true}.
'use strict';

const readline = require('readline');

const {RPCServer} = require(require.resolve('ocpp-rpc', {paths: [process.argv[2]]}));

const connected = new Map();
const report = {violations: [], bad: [], seen: {}, calls: 0, answers: 0};
let transactions = 0;

const say = line => process.stdout.write(JSON.stringify(line) + '\n');
const accepted = {status: 'Accepted'};

const ANSWERS = {
    BootNotification: () => ({...accepted, currentTime: new Date().toISOString(), interval: 300}),
    Heartbeat: () => ({currentTime: new Date().toISOString()}),
    DataTransfer: () => accepted,
    SignCertificate: () => accepted,
};
const OWN_ANSWERS = {
    'ocpp1.6': {
        Authorize: () => ({idTagInfo: accepted}),
        StartTransaction: () => ({transactionId: ++transactions, idTagInfo: accepted}),
        StopTransaction: () => ({idTagInfo: accepted}),
    },
    'ocpp2.0.1': {
        Authorize: () => ({idTokenInfo: accepted}),
        Get15118EVCertificate: () => ({...accepted, exiResponse: 'gJgB'}),
        GetCertificateStatus: () => ({...accepted, ocspResult: 'MAA='}),
        NotifyEVChargingNeeds: () => accepted,
        NotifyEVChargingSchedule: () => accepted,
        TransactionEvent: params => (params.idToken ? {idTokenInfo: accepted} : {}),
    },
};

const server = new RPCServer({
    protocols: ['ocpp1.6', 'ocpp2.0.1'],
    strictMode: true,
    callTimeoutMs: 20000,
});
server.auth(accept => accept());
server.on('client', client => {
    const name = client.identity;
    const seen = report.seen[name] ??= {};
    const own = OWN_ANSWERS[client.protocol];
    connected.set(name, client);
    client.handle(({method, params}) => {
        seen[method] = (seen[method] ?? 0) + 1;
        report.calls += 1;
        return (own[method] ?? ANSWERS[method] ?? (() => ({})))(params);
    });
    client.on('strictValidationFailure', ({method, params, result, error, outbound, isCall}) => {
        const what = isCall ? params : result;
        report.violations.push({station: name, method, outbound, isCall, what, why: error.message});
    });
    client.on('badMessage', ({buffer, error}) => {
        report.bad.push({station: name, text: String(buffer), why: error.message});
    });
    say({station: name, protocol: client.protocol});
});

async function ask({id, station, method, params}) {
    try {
        const result = await connected.get(station).call(method, params);
        report.answers += 1;
        say({id, result});
    } catch (error) {
        say({id, error: {code: error.rpcErrorCode ?? null, text: error.message}});
    }
}

server.listen(0, '127.0.0.1').then(http => say({port: http.address().port}));
readline.createInterface({input: process.stdin})
    .on('line', line => {
        const told = JSON.parse(line);
        if (told.report) {
            say({report});
        } else {
            ask(told);
        }
    })
    .on('close', () => process.exit(0));
