// What Celigo's flows.run cannot do: run the flow to its end and answer with
// the result.
import { flows } from 'integrator-api'

function handleRequest (options) {
  const run = flows.run({ _id: 'order-sync', wait: true, timeout: 20 })
  return {
    statusCode: run.job.status === 'completed' ? 200 : 502,
    body: {
      status: run.job.status,
      moved: run.job.numSuccess,
      failed: run.job.numError,
      orders: run.data.map(function (order) { return { id: order.id, erpId: order.erpId, total: order.total } })
    }
  }
}
