const express = require("express");

const app = express();
let visits = 0;

app.use(express.json());
app.get("/", (request, response) => response.json({ hello: "App Runner", visits: ++visits }));
app.get("/healthy", (request, response) => response.send("ok"));
app.post("/echo", (request, response) => response.json(request.body));

const server = app.listen(process.env.PORT || 8080, "0.0.0.0");
process.on("SIGTERM", () => server.close());
