// mqtt.js as a foreign peer: reads a line of JSON for each scenario to run, {"scenario": ...,
// "port": ..., "version": ...}, and answers with the line "ok" or "FAILED" and the reason.
//
// A scenario is an async function that throws when the broker did not do what it should. `via` is
// the port of a proxy that breaks connections, `web` that of a listener for WebSockets,
// `ca` its authority's certificate.
'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const readline = require('node:readline')
const mqtt = require('mqtt')

const LIMIT_MS = 60000 // reached by a failing scenario only
const SET_SIZE = 3000
let names = 0

function fresh (stem) {
  return `js-${stem}-${process.pid}-${names++}`
}

// A client with a list of what it heard, and promises for what is to come.
class Peer {
  static async join (run, options = {}) {
    const peer = new Peer()
    peer.heard = []
    peer.waiting = []
    const version = options.version ?? run.version
    const settings = {
      port: options.port ?? run.port,
      host: '127.0.0.1',
      protocolVersion: version,
      protocolId: version === 3 ? 'MQIsdp' : 'MQTT',
      clientId: options.name ?? fresh('id'),
      clean: !options.keep,
      reconnectPeriod: options.reconnect ? 50 : 0,
      connectTimeout: LIMIT_MS,
      ...(run.web ? { protocol: 'ws', port: run.web, path: '/mqtt' } : {}),
      ...(run.ca ? { protocol: 'wss', servername: 'localhost', ca: fs.readFileSync(run.ca) } : {}),
      ...run.more,
      ...options.more
    }
    if (version === 5) {
      settings.properties = {
        ...(options.keep ? { sessionExpiryInterval: 900 } : {}), ...options.properties
      }
    }
    peer.client = mqtt.connect(settings)
    run.clients.push(peer.client)
    peer.client.on('error', error => { if (!options.reconnect) run.fail(error) })
    peer.client.on('message', (topic, payload, packet) => {
      peer.heard.push(Object.assign(packet, { topic })) // an alias is the library's business
      peer.waiting = peer.waiting.filter(check => !check())
    })
    peer.connack = await new Promise(resolve => peer.client.once('connect', resolve))
    return peer
  }

  until (ask) {
    return new Promise(resolve => {
      const check = () => ask() && (resolve(), true)
      if (!check()) this.waiting.push(check)
    })
  }

  async take (count) {
    await this.until(() => this.heard.length >= count)
    return this.heard.splice(0, count)
  }

  subscribe (filter, options) {
    return this.client.subscribeAsync(filter, options)
  }

  publish (topic, payload, options) {
    return this.client.publishAsync(topic, payload, options)
  }

  event (name) {
    return new Promise(resolve => this.client.once(name, resolve))
  }

  leave () {
    return this.client.endAsync()
  }

  die () {
    const closed = this.event('close')
    this.client.stream.destroy()
    return closed
  }
}

const texts = packets => packets.map(packet => packet.payload.toString())
const numbers = count => Array.from({ length: count }, (_, n) => String(n))

const scenarios = {
  async pass (run) {
    const topic = fresh('pass')
    const reader = await Peer.join(run, { version: run.receives })
    const sender = await Peer.join(run)
    await reader.subscribe(`${topic}/#`, { qos: 2 })
    await Promise.all(numbers(50).map(n => sender.publish(`${topic}/x`, n, { qos: run.qos })))
    const got = await reader.take(50)
    assert.deepEqual(texts(got), numbers(50))
    assert(got.every(p => p.qos === run.qos && !p.retain && !p.dup && p.topic === `${topic}/x`))
    await reader.client.unsubscribeAsync(`${topic}/#`)
    await sender.publish(topic, 'unheard', { qos: 1 })
    await reader.subscribe(`${topic}/end`, { qos: 0 })
    await sender.publish(`${topic}/end`, 'end', { qos: 1 })
    assert.deepEqual(texts(await reader.take(1)), ['end'])
  },

  async will (run) {
    const topic = fresh('will')
    const watcher = await Peer.join(run)
    await watcher.subscribe(topic, { qos: 2 })
    const will = { topic, payload: Buffer.from('gone'), qos: 2, retain: true }
    const dying = await Peer.join(run, { more: { will } })
    await dying.die()
    const [got] = await watcher.take(1)
    assert.deepEqual([got.payload.toString(), got.qos, got.retain], ['gone', 2, false])
    const late = await Peer.join(run)
    await late.subscribe(topic, { qos: 1 })
    assert.equal((await late.take(1))[0].retain, true)
    await (await Peer.join(run, { more: { will } })).leave()
    await late.publish(topic, '', { qos: 1, retain: true })
    assert.deepEqual(texts(await watcher.take(1)), [''])
  },

  async willProperties (run) {
    const topic = fresh('willprops')
    const watcher = await Peer.join(run)
    await watcher.subscribe(topic, { qos: 1 })
    const properties = {
      willDelayInterval: 1,
      contentType: 'a/b',
      responseTopic: 'to/me',
      correlationData: Buffer.from([0, 255]),
      payloadFormatIndicator: true,
      messageExpiryInterval: 300,
      userProperties: { z: ['1', '2'], a: '3' }
    }
    const will = { topic, payload: Buffer.from('gone'), qos: 1, retain: false, properties }
    await (await Peer.join(run, { keep: true, more: { will } })).die()
    const got = (await watcher.take(1))[0].properties
    assert(got.messageExpiryInterval > 0 && got.messageExpiryInterval <= 300)
    delete got.messageExpiryInterval
    const { willDelayInterval, messageExpiryInterval, ...want } = properties
    assert.deepEqual({ ...got, userProperties: { ...got.userProperties } }, want)
    // Back before its delay is over: nothing is said.
    const name = fresh('back')
    properties.willDelayInterval = 5000
    await (await Peer.join(run, { name, keep: true, more: { will } })).die()
    const back = await Peer.join(run, { name, keep: true })
    assert.equal(back.connack.sessionPresent, true)
    await back.publish(topic, 'barrier', { qos: 1 })
    assert.deepEqual(texts(await watcher.take(1)), ['barrier'])
  },

  async retained (run) {
    const topic = fresh('retained')
    const sender = await Peer.join(run)
    for (const n of numbers(4)) await sender.publish(`${topic}/${n}`, n, { qos: Number(n) % 3, retain: true })
    await sender.publish(`${topic}/2`, '', { qos: 1, retain: true })
    const reader = await Peer.join(run)
    await reader.subscribe(`${topic}/+`, { qos: 2 })
    await sender.publish(`${topic}/end`, 'end', { qos: 1 })
    const got = await reader.take(4)
    assert.deepEqual(texts(got).sort(), ['0', '1', '3', 'end'])
    assert(got.every(p => p.retain === (p.topic !== `${topic}/end`)))
  },

  async retainedSet (run) {
    const topic = fresh('set')
    const sender = await Peer.join(run)
    const filler = 'x'.repeat(1000)
    await Promise.all(numbers(SET_SIZE).map(n =>
      sender.publish(`${topic}/${n}`, n + filler, { qos: n % 50 === 0 ? 1 : 0, retain: true })))
    const properties = { receiveMaximum: 4 }
    const reader = await Peer.join(run, { properties })
    await reader.subscribe(`${topic}/#`, { qos: 1 })
    const got = texts(await reader.take(SET_SIZE)).sort()
    assert.deepEqual(got, numbers(SET_SIZE).map(n => n + filler).sort())
  },

  async retainOptions (run) {
    const topic = fresh('options')
    const peer = await Peer.join(run)
    const other = await Peer.join(run)
    await other.publish(topic, 'old', { qos: 1, retain: true })
    await peer.subscribe(topic, { qos: 1, rh: 2, rap: true, nl: true })
    await peer.publish(topic, 'own', { qos: 1 })
    await other.publish(topic, 'new', { qos: 1, retain: true })
    const [first] = await peer.take(1)
    assert.deepEqual([first.payload.toString(), first.retain], ['new', true])
    await peer.subscribe(topic, { qos: 1, rh: 1 }) // not a new subscription
    await peer.subscribe(topic, { qos: 1, rh: 0 })
    await other.publish(topic, 'end', { qos: 1 })
    assert.deepEqual(texts(await peer.take(2)).sort(), ['end', 'new'])
  },

  async shared (run) {
    const topic = fresh('shared')
    const members = []
    for (let n = 0; n < 3; n++) {
      members.push(await Peer.join(run))
      await members[n].subscribe(`$share/group/${topic}/+`, { qos: run.qos })
    }
    const plain = await Peer.join(run)
    await plain.subscribe(`${topic}/+`, { qos: run.qos })
    await Promise.all(numbers(60).map(n => plain.publish(`${topic}/${n % 7}`, n, { qos: run.qos })))
    await plain.take(60)
    const all = () => members.flatMap(member => texts(member.heard))
    await Promise.race(members.map(member => member.until(() => all().length >= 60)))
    assert.deepEqual(all().map(Number).sort((a, b) => a - b), numbers(60).map(Number))
    assert(members.every(member => member.heard.length > 0))
  },

  // The lost member answers nothing: what it got and did not acknowledge goes to the other.
  async sharedLost (run) {
    const topic = fresh('lost')
    const lost = await Peer.join(run)
    lost.client.handleMessage = () => {} // never calls back: no PUBACK
    await lost.subscribe(`$share/group/${topic}`, { qos: 1 })
    const other = await Peer.join(run)
    await other.subscribe(`$share/group/${topic}`, { qos: 1 })
    const sender = await Peer.join(run)
    await Promise.all(numbers(20).map(n => sender.publish(topic, n, { qos: 1 })))
    await other.until(() => other.heard.length >= 10)
    await lost.die()
    const got = texts(await other.take(20))
    assert.deepEqual(got.map(Number).sort((a, b) => a - b), numbers(20).map(Number))
  },

  async resumeSend (run) {
    const topic = fresh('send')
    const reader = await Peer.join(run)
    await reader.subscribe(topic, { qos: run.qos })
    const sender = await Peer.join(run, { port: run.via, keep: true, reconnect: true })
    // A PUBREL that is repeated because PUBCOMP was lost is answered with 0x92, which is no
    // error after a resume (5.0, 3.7.2.1); mqtt.js reports it as one all the same.
    const recovered = error => assert.equal(error.code, 0x92)
    await Promise.all(numbers(60).map(n => sender.publish(topic, n, { qos: run.qos }).catch(recovered)))
    await reader.publish(topic, 'end', { qos: run.qos })
    await reader.until(() => texts(reader.heard).includes('end'))
    const got = texts(reader.heard)
    assert.deepEqual([...new Set(got)], [...numbers(60), 'end'])
    assert(run.qos === 1 || got.length === 61)
  },

  async resumeReceive (run) {
    const topic = fresh('receive')
    const reader = await Peer.join(run, {
      port: run.via, keep: true, reconnect: true, more: { resubscribe: false }
    })
    await reader.subscribe(topic, { qos: run.qos })
    const sender = await Peer.join(run)
    await Promise.all(numbers(60).map(n => sender.publish(topic, n, { qos: run.qos })))
    await reader.until(() => new Set(texts(reader.heard)).size === 60)
    await sender.publish(topic, 'end', { qos: run.qos })
    await reader.until(() => texts(reader.heard).includes('end'))
    const got = texts(reader.heard)
    assert.deepEqual([...new Set(got)], [...numbers(60), 'end'])
    assert(run.qos === 1 || got.length === 61)
  },

  async session (run) {
    const topic = fresh('session')
    const name = fresh('session')
    const first = await Peer.join(run, { name, keep: true })
    await first.subscribe(topic, { qos: 2 })
    await first.die()
    const sender = await Peer.join(run)
    for (const n of numbers(30)) await sender.publish(topic, n, { qos: 2 })
    // In 3.1 CONNACK has no session present flag.
    const again = await Peer.join(run, { name, keep: true })
    assert.equal(again.connack.sessionPresent, run.version !== 3)
    assert.deepEqual(texts(await again.take(30)), numbers(30))
    const ended = again.event('close')
    const said = again.event('disconnect')
    const taker = await Peer.join(run, { name })
    await ended
    if (run.version === 5) assert.equal((await said).reasonCode, 0x8e)
    assert.equal(taker.connack.sessionPresent, false)
  },

  async large (run) {
    const topic = fresh('large')
    const peer = await Peer.join(run)
    await peer.subscribe(topic, { qos: run.qos })
    const payload = Buffer.alloc(run.size)
    for (let n = 0; n < payload.length; n++) payload[n] = n * 7 + (n >> 8)
    await peer.publish(topic, payload, { qos: run.qos })
    assert((await peer.take(1))[0].payload.equals(payload))
  },

  async aliases (run) {
    const topic = fresh('alias')
    const reader = await Peer.join(run, { properties: { topicAliasMaximum: 3 } })
    await reader.subscribe(`${topic}/#`, { qos: 1 })
    const more = { autoAssignTopicAlias: true }
    const sender = await Peer.join(run, { more })
    assert(sender.connack.properties.topicAliasMaximum > 0)
    const want = numbers(120).map(n => `${topic}/${n % 6}`)
    for (const [n, name] of want.entries()) await sender.publish(name, String(n), { qos: n % 2 })
    const got = await reader.take(120)
    assert.deepEqual(got.map(p => p.topic), want)
    assert.deepEqual(texts(got), numbers(120))
  },

  async receiveMaximum (run) {
    const topic = fresh('maximum')
    const reader = await Peer.join(run, { properties: { receiveMaximum: 2 } })
    let open = 0
    reader.client.handleMessage = (packet, done) => {
      open++
      assert(open <= 2, 'more than two in flight')
      setImmediate(() => { open--; done() })
    }
    await reader.subscribe(topic, { qos: 2 })
    const sender = await Peer.join(run)
    await Promise.all(numbers(50).map(n => sender.publish(topic, n, { qos: 1 + n % 2 })))
    assert.deepEqual(texts(await reader.take(50)).map(Number).sort((a, b) => a - b), numbers(50).map(Number))
  },

  async properties (run) {
    const topic = fresh('properties')
    const peer = await Peer.join(run)
    await peer.subscribe(topic, { qos: 1, properties: { subscriptionIdentifier: 9 } })
    const properties = {
      payloadFormatIndicator: true,
      messageExpiryInterval: 500,
      contentType: 'text/plain',
      responseTopic: 'to/me',
      correlationData: Buffer.from('c'),
      userProperties: { z: ['3', '1', '2'], a: 'x' }
    }
    await peer.publish(topic, 'ü', { qos: 1, properties })
    const got = (await peer.take(1))[0].properties
    assert(got.messageExpiryInterval > 0 && got.messageExpiryInterval <= 500)
    got.messageExpiryInterval = 500
    const users = { ...got.userProperties }
    assert.deepEqual(Object.keys(users), ['z', 'a'])
    assert.deepEqual({ ...got, userProperties: users }, { ...properties, subscriptionIdentifier: 9 })
  },

  async expiry (run) {
    const topic = fresh('expiry')
    const peer = await Peer.join(run)
    for (const [name, seconds] of [['short', 1], ['long', 1000]]) {
      const properties = { messageExpiryInterval: seconds }
      await peer.publish(`${topic}/${name}`, name, { qos: 1, retain: true, properties })
    }
    for (let left = 1000; left > 998;) { // until two seconds of the long one are over
      await peer.subscribe(`${topic}/long`, { qos: 1 })
      left = (await peer.take(1))[0].properties.messageExpiryInterval
    }
    await peer.subscribe(`${topic}/+`, { qos: 1 })
    assert.deepEqual(texts(await peer.take(1)), ['long'])
    await peer.publish(`${topic}/end`, 'end', { qos: 1 })
    assert.deepEqual(texts(await peer.take(1)), ['end'])
  },

  async request (run) {
    const topic = fresh('request')
    const worker = await Peer.join(run)
    await worker.subscribe(topic, { qos: 1 })
    const asker = await Peer.join(run)
    const responseTopic = `${topic}/answers`
    await asker.subscribe(responseTopic, { qos: 1 })
    const properties = { responseTopic, correlationData: Buffer.from('17') }
    await asker.publish(topic, '6*7', { qos: 1, properties })
    const task = (await worker.take(1))[0].properties
    await worker.publish(task.responseTopic, '42', {
      qos: 1, properties: { correlationData: task.correlationData }
    })
    const [answer] = await asker.take(1)
    assert.equal(answer.payload.toString(), '42')
    assert.equal(answer.properties.correlationData.toString(), '17')
  },

  async stop (run) {
    const peer = await Peer.join(run)
    const said = peer.event('disconnect')
    console.log('READY')
    assert.equal((await said).reasonCode, 0x8b)
  }
}

async function play (run) {
  run.clients = []
  let late
  const trouble = new Promise((resolve, reject) => {
    run.fail = reject
    late = setTimeout(() => reject(new Error(`not done in ${LIMIT_MS} ms`)), LIMIT_MS)
  })
  try {
    await Promise.race([scenarios[run.scenario](run), trouble])
    console.log('ok')
  } catch (error) {
    console.log('FAILED ' + JSON.stringify(error.stack ?? String(error)))
  } finally {
    clearTimeout(late)
    for (const client of run.clients) client.removeAllListeners('error').on('error', () => {}).end(true)
  }
}

async function main () {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    await play(JSON.parse(line))
  }
}

main()
