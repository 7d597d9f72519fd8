function handleRequest (options) {
  return { statusCode: 200, body: { hello: options.queryString.name, method: options.method } }
}
