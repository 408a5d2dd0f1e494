import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;

/** Sends count jobs and does them, with the standard library: java Worker.java host port channel count */
public class Worker {
    static final HttpClient CLIENT = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    public static void main(String[] args) throws Exception {
        String server = "http://" + args[0] + ":" + args[1];
        String queue = server + "/v1/queues/" + args[2];
        int count = Integer.parseInt(args[3]);
        for (int i = 0; i < count; i++) request(201, "PUT", queue, "job " + i);
        for (int done = 0; done < count; done++) {
            HttpResponse<String> job = request(200, "GET", queue + "?wait=10s", null);
            System.out.println(job.body());
            String lease = job.headers().firstValue("dropr-lease").orElseThrow();
            request(204, "POST", server + "/v1/leases/" + lease + "/0/ack", null);
        }
    }

    static HttpResponse<String> request(int expected, String method, String url, String body) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url));
        if (body == null) request.method(method, BodyPublishers.noBody());
        else request.method(method, BodyPublishers.ofString(body)).header("content-type", "text/plain");
        HttpResponse<String> answer = CLIENT.send(request.build(), BodyHandlers.ofString());
        if (answer.statusCode() != expected) throw new Exception(url + ": " + answer.statusCode() + " " + answer.body());
        return answer;
    }
}
