// A foreign server of WebSockets (the library ws) in front of a broker's plain port: takes the port,
// prints the line "listening PORT". What the broker says goes out in fragments, with pings between.
'use strict'

const net = require('node:net')
const { WebSocketServer } = require('ws')

const server = new WebSocketServer({
  port: 0, host: '127.0.0.1', path: '/mqtt', handleProtocols: offered => offered.has('mqtt') && 'mqtt'
})

server.on('listening', () => console.log('listening', server.address().port))
server.on('connection', socket => {
  const broker = net.connect(Number(process.argv[2]), '127.0.0.1')
  socket.on('message', (data, isBinary) => isBinary && broker.write(data))
  socket.on('close', () => broker.end())
  broker.on('data', data => {
    const half = data.length >> 1
    socket.send(data.subarray(0, half), { fin: false })
    socket.ping('between')
    socket.send(data.subarray(half))
  })
  broker.on('close', () => socket.close(1000))
  broker.on('error', () => socket.terminate())
})
