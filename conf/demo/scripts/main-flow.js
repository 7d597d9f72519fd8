import { flows } from 'integrator-api'
function _mainFlow (options) {
let response = {};
let invokeFlowResponse;
let flowResponse;
let output;
// Execute the Flow
try {
invokeFlowResponse = flows.run({_id:'order-sync'});
output = {
"jobId": invokeFlowResponse._jobId,
"exportId": invokeFlowResponse._exportId,
"flowId": invokeFlowResponse.message._flowId,
"endDate": invokeFlowResponse.endDate
}
response.statusCode = 200;
} catch(e) {
invokeFlowResponse = JSON.stringify(e);
response.statusCode = 400;
}
// Create body response
response.body = output;
return {
statusCode: response.statusCode,
headers: { },
body: response.body
}
}
